"""How answers are sampled from a checkpoint."""

from typing import Literal

from pydantic import Field, PositiveInt

from premem.config.block import Block, Dtype, Fraction


class SamplingSettings(Block):
    """How answers are sampled from a checkpoint."""

    backend: Literal["transformers", "vllm"] = "transformers"
    """The engine that samples. ``vllm`` needs an environment of its own: ``hardware.python.sample`` names it."""
    n: PositiveInt = 5
    """Answers per prompt."""
    temperature: float = Field(0.8, ge=0)
    """0 takes the likeliest token at every step."""
    top_p: Fraction = 0.95
    """Share of the probability kept, the likeliest tokens first; 1 keeps all."""
    max_new_tokens: PositiveInt = 512
    """Longest answer, in tokens."""
    seed: int = Field(2, ge=0)
    """Every sample of every prompt has a seed of its own, derived from this one."""
    dtype: Dtype = "float32"
    """Number format in which checkpoints are evaluated: sampled, and measured for perplexity."""
