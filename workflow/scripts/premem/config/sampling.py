"""How answers are sampled from a checkpoint."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from premem.config.block import NOT_BOOLEAN, Block, Dtype, Fraction, Seed


class SamplingSettings(Block):
    """How answers are sampled from a checkpoint."""

    backend: Literal["transformers", "vllm"] = "transformers"
    """The engine that samples. ``vllm`` needs an environment of its own; ``hardware.python.sample`` names it."""
    n: Annotated[int, Field(gt=0, le=10_000), NOT_BOOLEAN] = 5
    """Answers per prompt."""
    temperature: Annotated[float, Field(ge=0, le=100), NOT_BOOLEAN] = 0.8
    """Temperature of the distribution that tokens are drawn from. At 0, the likeliest token is taken at every step."""
    top_p: Fraction = 0.95
    """Share of the probability that tokens are drawn from, the likeliest tokens first. 1 keeps all of it."""
    max_new_tokens: Annotated[int, Field(gt=0, le=2**20), NOT_BOOLEAN] = 512
    """Longest answer, in tokens."""
    seed: Seed = 2
    """Each sample of each prompt has a seed of its own, which is derived from this one."""
    dtype: Dtype = "float32"
    """Number format in which checkpoints are evaluated: sampled, and measured for perplexity.

    Reruns: samples, perplexities and what follows.
    """

    @model_validator(mode="after")
    def _check_temperature(self) -> Self:
        if 0 < self.temperature < 1e-3:
            raise ValueError(
                f"temperature: {self.temperature:g} is too small to compute with; give 0, or 0.001 or more"
            )
        return self
