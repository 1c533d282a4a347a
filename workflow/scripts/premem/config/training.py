"""How a run is fine-tuned."""

from pydantic import Field, PositiveFloat, PositiveInt

from premem.config.block import Block, Dtype


class Lora(Block):
    """Low-rank adapters in all linear layers but the head (Hu et al. 2021)."""

    rank: PositiveInt = 16
    """Of the change of each weight matrix."""
    alpha: PositiveInt = 32
    """The change is scaled by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the adapters' inputs that is dropped in training."""


class Training(Block):
    """Fine-tuning with AdamW, of all weights unless ``lora`` is given; the learning rate is warmed up and then decays
    linearly to 0."""

    batch_size: PositiveInt = 128
    """Examples per optimizer step, over all devices."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay of AdamW."""
    warmup_steps: int = Field(20, ge=0)
    """Steps in which the learning rate rises linearly from 0."""
    max_grad_norm: PositiveFloat = 2.0
    """The gradient is clipped to this norm."""
    dtype: Dtype = "float32"
    """Number format of the computation; the weights, and the checkpoints, are kept in float32."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights; checkpoints hold the model with them merged in."""
