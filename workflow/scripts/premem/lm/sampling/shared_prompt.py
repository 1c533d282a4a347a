"""Attention in which several samples of a prompt share the prompt's keys and values.

Decoding spends most of its time on reading keys and values. Here those of the prompt are stored once for all its
samples, and read once per step ("bifurcated attention", Athiwaratkun et al. 2024). A sample stores only the keys and
values of its own tokens, in memory that is allocated once and filled in place.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, Cache, PreTrainedModel
from transformers.cache_utils import DynamicLayer
from transformers.masking_utils import eager_mask

from premem.base.errors import UserError

NAME = "shared_prompt"


def use_shared_prompts(model: PreTrainedModel) -> None:
    """Make a model use ``SharedPromptCache`` in its attention.

    Raises:
        UserError: if transformers cannot replace the model's attention, or it is neither full nor sliding attention.
    """
    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, eager_mask)
    model.set_attn_implementation(NAME)
    config = model.config.get_text_config()
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    if config._attn_implementation != NAME or not layers <= {"full_attention", "sliding_attention"}:
        raise UserError(
            f"sampling.backend: the transformers backend cannot sample from a {config.model_type}, since it supports "
            "only full and sliding attention; choose another backend or model"
        )


def next_logits(model: PreTrainedModel, ids: Tensor, mask: Tensor, positions: Tensor, cache: Cache) -> Tensor:
    """Logits of what follows on the last of some tokens, shape (rows, tokens of the model).

    Args:
        model: a causal language model.
        ids: token ids, shape (rows, new tokens).
        mask: which tokens are text, the cached ones too, shape (rows, all tokens).
        positions: of the new tokens, shape (rows, new tokens).
        cache: of what was read before.
    """
    return model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]


class SharedPromptCache(Cache):
    """Keys and values of a batch of prompts, then of their samples; rows are prompt × n + sample.

    Args:
        layers: number of layers of the model.
        n: samples per prompt.
        room: most tokens that a sample may have.
    """

    def __init__(self, layers: int, n: int, room: int) -> None:
        self.row_slots = torch.empty(0)  # prompt × n + sample of each row, among the prompts still stored
        self.n = n
        self.shared = [_SharedPromptLayer(self, room) for _ in range(layers)]
        super().__init__(layers=list(self.shared))

    def share(self) -> None:
        """Switch from prompts to samples: from here on, rows are samples."""
        keys = self.shared[0].prompt_keys
        self.row_slots = torch.arange(keys.shape[0] * self.n, device=keys.device)

    def keep(self, rows: Tensor) -> None:
        """Drop all rows except these (ascending), and the prompts that have no row left."""
        slots = self.row_slots[rows]
        prompts, of_row = (slots // self.n).unique(return_inverse=True)
        self.row_slots = of_row * self.n + slots % self.n
        for layer in self.shared:
            layer.keep(rows, prompts)


class _SharedPromptLayer(DynamicLayer):
    """One layer: prompt_keys of shape (prompts, key heads, prompt tokens, head size), own_keys (rows, …, room, …)."""

    def __init__(self, cache: SharedPromptCache, room: int) -> None:
        super().__init__()
        self.cache, self.room, self.length = cache, room, 0
        self.prompt_keys = self.prompt_values = self.own_keys = self.own_values = torch.empty(0)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        if not self.prompt_keys.numel():
            self.prompt_keys, self.prompt_values = key_states.contiguous(), value_states.contiguous()
            return key_states, value_states
        if not self.own_keys.numel():
            rows, heads, _, size = key_states.shape
            self.own_keys, self.own_values = (key_states.new_empty(rows, heads, self.room, size) for _ in range(2))
        self.own_keys[:, :, self.length] = key_states[:, :, 0]
        self.own_values[:, :, self.length] = value_states[:, :, 0]
        self.length += 1
        return self, self  # ``_attend`` reads the keys and values from the layer

    def get_seq_length(self) -> int:
        return self.prompt_keys.shape[-2] + self.length if self.prompt_keys.numel() else 0

    def keep(self, rows: Tensor, prompts: Tensor) -> None:
        """Keep these rows and prompts (ascending), and move them to the front of the same memory."""
        if self.length:
            self.own_keys, self.own_values = (_to_front(x, rows, self.length) for x in (self.own_keys, self.own_values))
        if len(prompts) < len(self.prompt_keys):
            length = self.prompt_keys.shape[-2]
            self.prompt_keys, self.prompt_values = (
                _to_front(x, prompts, length) for x in (self.prompt_keys, self.prompt_values)
            )


def _to_front(x: Tensor, rows: Tensor, length: int) -> Tensor:
    x[: len(rows), :, :length] = x[rows, :, :length]
    return x[: len(rows)]


def _attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Any,
    value: Any,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute attention of one new token per row, shape (rows, heads, 1, head size), to its prompt and own tokens."""
    if s_aux is not None:
        raise UserError(
            "sampling.backend: transformers cannot sample from a model with attention sinks; choose another"
        )
    if isinstance(key, Tensor):  # prompts are being read
        key, value = (_repeat_heads(x, query.shape[1]) for x in (key, value))
        return _plain_attention(query, key, value, attention_mask, scaling, softcap), None
    layer: _SharedPromptLayer = key
    rows, heads, _, size = query.shape
    key_heads = layer.own_keys.shape[1]
    query = query.view(rows, key_heads, heads // key_heads, size)
    own_keys, own_values = layer.own_keys[:, :, : layer.length], layer.own_values[:, :, : layer.length]
    scores = torch.cat([_per_prompt(query, layer.prompt_keys.mT, layer.cache), query @ own_keys.mT], dim=-1) * (
        size**-0.5 if scaling is None else scaling
    )
    weights = _softmax(scores, attention_mask, softcap)
    of_prompt, of_own = weights.split([layer.prompt_keys.shape[-2], layer.length], dim=-1)
    attended = _per_prompt(of_prompt, layer.prompt_values, layer.cache) + of_own @ own_values
    return attended.reshape(rows, 1, heads, size), None


def _per_prompt(x: Tensor, y: Tensor, cache: SharedPromptCache) -> Tensor:
    """Multiply the rows of each prompt with the tensor that they share.

    Args:
        x: shape (rows, key heads, group, a).
        y: shape (prompts, key heads, a, b).

    Returns:
        Shape (rows, key heads, group, b).
    """
    _, heads, group, a = x.shape
    prompts, n, b = y.shape[0], cache.n, y.shape[-1]
    if len(x) == prompts * n:
        slots = x
    else:  # some samples have ended, so their places stay empty
        slots = x.new_zeros(prompts * n, heads, group, a)
        slots[cache.row_slots] = x
    together = slots.view(prompts, n, heads, group, a).transpose(1, 2).reshape(prompts, heads, n * group, a)
    product = (together @ y).view(prompts, heads, n, group, b).transpose(1, 2).reshape(prompts * n, heads, group, b)
    return product if len(x) == prompts * n else product[cache.row_slots]


def _softmax(scores: Tensor, mask: Tensor | None, softcap: float | None) -> Tensor:
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1, dtype=torch.float32).to(scores.dtype)


def _repeat_heads(x: Tensor, heads: int) -> Tensor:
    return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], dim=1)


def _plain_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None, softcap: float | None
) -> Tensor:
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    return (_softmax(scores, mask, softcap) @ value).transpose(1, 2)
