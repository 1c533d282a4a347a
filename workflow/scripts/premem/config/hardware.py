"""What the machine can take. Nothing here changes a result beyond rounding, and no edit of it makes a result stale."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from premem.base.errors import UserError
from premem.config.block import NOT_BOOLEAN, Block, Count, Fraction, PathText, Processes


class TrainingHardware(Block):
    """How a run is trained.

    Reruns: nothing.
    """

    processes: Processes = 1
    """Processes that share each batch. Where there are GPUs, each has one."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """How several processes hold the model. ``ddp``: each holds all of it. ``fsdp``: each holds a part of it (full
    shard)."""
    examples_per_process: Count | None = None
    """Examples that a process takes at a time. Gradients are accumulated up to ``training.batch_size``. If left out, a
    process takes its whole share at once."""
    activation_checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them. This is slower and takes much less
    memory."""
    save_state_every: Count | None = None
    """Optimizer steps after which the whole state of training is saved, again and again. An interrupted run goes on
    from there. If left out, it is never saved, and an interrupted run starts from the beginning."""

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
    """How answers are sampled.

    Reruns: nothing.
    """

    batch: Annotated[int, Field(gt=0, le=2**20), NOT_BOOLEAN] = 768
    """Sequences that the transformers backend samples at a time."""
    shards: Processes = 1
    """Processes that share the prompts of a checkpoint. Where there are GPUs, each has ``tensor_parallel`` of them."""
    tensor_parallel: Processes = 1
    """GPUs that hold a model together in vLLM."""
    memory_share: Fraction = 0.9
    """Share of a GPU's memory that vLLM takes."""
    max_length: Count | None = None
    """Longest sequence, prompt and answer together, that vLLM makes room for. If left out, it is what the longest
    prompt needs."""


class PerplexityHardware(Block):
    """How perplexities are measured.

    Reruns: nothing.
    """

    processes: Processes = 1
    """Processes that share the examples. Where there are GPUs, each has one."""
    batch: Count = 1024
    """Tokens per forward pass. A small number fits a processor's cache; a GPU takes more."""


class Hardware(Block):
    """What the machine can take. Nothing here changes a result beyond rounding.

    Reruns: nothing.
    """

    gpu: bool = False
    """Jobs that train, sample or measure perplexities ask for GPUs, one for each process."""
    tflops: Annotated[float, Field(gt=0, le=10**6), NOT_BOOLEAN] = 989
    """Peak speed of a GPU in the number format of the models, in TFLOP/s. The default is an H100's in bfloat16. It is
    only for estimates."""
    train: TrainingHardware = TrainingHardware()
    """Fine-tuning."""
    sample: SamplingHardware = SamplingHardware()
    """Sampling."""
    perplexity: PerplexityHardware = PerplexityHardware()
    """Perplexities."""
    python: dict[Literal["train", "sample"], PathText] = {}
    """Python interpreters of other environments. ``train`` is for jobs that train, ``sample`` for jobs that sample
    (vLLM needs one). A kind of job that is left out takes the interpreter that runs Snakemake."""
