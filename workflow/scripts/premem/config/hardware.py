"""What the machine can take. Nothing here changes a result beyond rounding, and no edit of it makes a result stale."""

from collections.abc import Callable
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from premem.base.errors import UserError
from premem.config.block import Block, Fraction


class TrainingHardware(Block):
    """How a run is trained."""

    processes: PositiveInt = 1
    """Processes that share each batch, on a GPU each where there are GPUs."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """How several processes hold the model: all of it each (ddp), or a part each (fsdp, full shard)."""
    examples_per_process: PositiveInt | None = None
    """Examples that a process takes at a time; gradients are accumulated up to ``training.batch_size``. If left
    out, its whole share at once."""
    activation_checkpointing: bool = False
    """Compute activations anew in the backward pass instead of keeping them: slower, with much less memory."""
    save_state_every: PositiveInt | None = None
    """Optimizer steps between saves of the whole training state, from which an interrupted run goes on; never if left
    out."""

    def accumulation_steps(self, batch_size: int) -> int:
        """Return how often each process takes ``examples_per_process`` examples to make a batch of this size.

        Raises:
            UserError: if that does not come out even.
        """
        share, rest = divmod(batch_size, self.processes)
        if rest:
            sizes = _around(batch_size, lambda size: size % self.processes == 0)
            numbers = _around(self.processes, lambda number: batch_size % number == 0)
            raise UserError(
                f"training.batch_size {batch_size} cannot be shared by hardware.train.processes {self.processes}; "
                f"set batch_size to {sizes}, or processes to {numbers}"
            )
        examples = self.examples_per_process or share
        if share % examples:
            raise UserError(
                f"hardware.train.examples_per_process {examples} does not divide the {share} examples that each of "
                f"{self.processes} processes takes of training.batch_size {batch_size}; set it to "
                f"{_around(examples, lambda number: share % number == 0)}, or batch_size to "
                f"{_around(batch_size, lambda size: size % (self.processes * examples) == 0)}"
            )
        return share // examples


def _around(value: int, fits: Callable[[int], bool]) -> str:
    """Name the nearest fitting numbers below and above a value, as far as there are any."""
    below = next((number for number in range(value, 0, -1) if fits(number)), None)
    above = next((number for number in range(value, 2 * value + 1) if fits(number)), None)
    return " or ".join(str(number) for number in (below, above) if number)


class SamplingHardware(Block):
    """How answers are sampled."""

    batch: PositiveInt = 768
    """Sequences sampled at a time by the transformers backend."""
    shards: PositiveInt = 1
    """Processes that share the prompts of a checkpoint, each with ``tensor_parallel`` GPUs where there are GPUs."""
    tensor_parallel: PositiveInt = 1
    """GPUs that hold a model together in vLLM."""
    memory_share: Fraction = 0.9
    """Share of a GPU's memory that vLLM takes."""
    max_length: PositiveInt | None = None
    """Longest sequence, prompt and answer, that vLLM makes room for; what the longest prompt needs if left out."""


class PerplexityHardware(Block):
    """How perplexities are measured."""

    processes: PositiveInt = 1
    """Processes that share the examples, on a GPU each where there are GPUs."""
    batch: PositiveInt = 1024
    """Tokens per forward pass; few fit a processor's cache, a GPU takes more."""


class Hardware(Block):
    """What the machine can take. Nothing here changes a result beyond rounding, and a change of it reruns nothing."""

    gpu: bool = False
    """Jobs that train, sample or measure perplexities ask for GPUs: one for each process."""
    tflops: PositiveFloat = 989
    """Peak speed of a GPU in the number format of the models, in TFLOP/s (an H100's in bfloat16): for estimates."""
    train: TrainingHardware = TrainingHardware()
    """Fine-tuning."""
    sample: SamplingHardware = SamplingHardware()
    """Sampling."""
    perplexity: PerplexityHardware = PerplexityHardware()
    """Perplexities."""
    python: dict[Literal["train", "sample"], str] = {}
    """Python interpreter of an environment of its own for a kind of job, such as ``sample`` where vLLM needs one; the
    interpreter that runs Snakemake if left out."""
