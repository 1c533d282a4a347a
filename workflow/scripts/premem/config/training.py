"""How a run is fine-tuned."""

from typing import Annotated

from pydantic import Field

from premem.config.block import NOT_BOOLEAN, Block, Dtype, Positive


class Lora(Block):
    """Low-rank adapters in all linear layers but the head (Hu et al. 2021).

    Reruns: training and what follows.
    """

    rank: Annotated[int, Field(gt=0, le=65_536), NOT_BOOLEAN] = 16
    """Rank of the change of each weight matrix."""
    alpha: Annotated[int, Field(gt=0, le=10**6), NOT_BOOLEAN] = 32
    """The change is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1), NOT_BOOLEAN] = 0.0
    """Share of the adapters' inputs that is dropped in training."""


class Training(Block):
    """Fine-tuning with AdamW. All weights are trained unless ``lora`` is given. The learning rate rises in the first
    steps and then falls linearly to 0.

    Reruns: training and what follows.
    """

    batch_size: Annotated[int, Field(gt=0, le=2**20), NOT_BOOLEAN] = 128
    """Examples per optimizer step, over all processes together."""
    weight_decay: Annotated[float, Field(ge=0, le=1000), NOT_BOOLEAN] = 0.0
    """Decoupled weight decay of AdamW."""
    warmup_steps: Annotated[int, Field(ge=0, le=10**9), NOT_BOOLEAN] = 20
    """Optimizer steps in which the learning rate rises linearly from 0."""
    max_grad_norm: Positive = 2.0
    """Gradients of a larger norm are scaled down to this norm."""
    dtype: Dtype = "float32"
    """Number format of the computation. Weights and checkpoints are kept in float32."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights. Checkpoints hold the model with the adapters merged in."""
