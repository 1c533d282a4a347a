"""Trying the transformers backend on an architecture, before a model of it is trained.

A small random model of the architecture is read in two ways: as the backend does, with prompts of two lengths in one
batch and keys and values that samples share, and as its own ``forward`` does, each text by itself.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from premem.base.errors import UserError
from premem.lm.sampling.shared_prompt import SharedPromptCache, next_logits, use_shared_prompts
from premem.lm.tokens import load_config

WIDTHS = ("intermediate_size", "moe_intermediate_size", "shared_expert_intermediate_size", "ffn_dim", "n_inner")
"""Sizes that no part of attention depends on."""
VOCABULARY, WIDTH, WINDOW = 64, 32, 5
TOLERANCE = 1e-3
"""How far, relative to the largest logit, sums in another order may differ in float32."""
PROMPTS = [[5, 6, 7, 8, 9, 10, 11, 12, 13], [14, 15, 16]]
ANSWERS = [[20, 21, 22], [23, 24, 25], [26, 27, 28], [29, 30, 31]]
"""Two for each prompt."""


def check_architecture(folder: Path, key: str) -> None:
    """Refuse a model that the transformers backend cannot sample from.

    Args:
        folder: of the model; only its configuration is read.
        key: of the model in the study, for the message.

    Raises:
        UserError: with what went wrong.
    """
    config = load_config(folder)
    torch.manual_seed(0)
    try:
        with torch.inference_mode():
            model = AutoModelForCausalLM.from_config(_small(config), dtype=torch.float32, trust_remote_code=False)
            _sharpen(model.eval())
            difference = _difference(model)
    except UserError as error:
        raise UserError(f"{key}: {error}") from error
    except Exception as error:  # what an architecture of another kind ends in
        raise UserError(_refusal(key, config, f"{type(error).__name__}: {error}")) from error
    if not difference < TOLERANCE:
        raise UserError(_refusal(key, config, f"its logits would be wrong by {difference:.1g} of the largest"))


def _refusal(key: str, config: PretrainedConfig, reason: str) -> str:
    return (
        f"{key}: the transformers backend cannot sample from a model of the kind {config.model_type} "
        f"({' '.join(reason.split())[:200]}); set sampling.backend: vllm if vLLM takes it, or choose another model"
    )


def _small(config: PretrainedConfig) -> PretrainedConfig:
    """Make a configuration smaller, in what attention does not depend on: layers, but each kind of them, and widths."""
    for part in {id(c): c for c in (config, config.get_text_config(), *_parts(config))}.values():
        layers, changes = getattr(part, "num_hidden_layers", None), {}
        if isinstance(layers, int):
            kinds = list(getattr(part, "layer_types", None) or [])
            fewer = min(layers, max([2, *(kinds.index(kind) + 1 for kind in set(kinds))]))
            changes = {"layer_types": kinds[:fewer] or None, "num_hidden_layers": fewer}
        changes |= dict.fromkeys(WIDTHS, WIDTH) | {"sliding_window": WINDOW, "vocab_size": VOCABULARY}
        for name, value in changes.items():
            if getattr(part, name, None) is not None:
                with suppress(AttributeError):  # some sizes follow from others
                    setattr(part, name, value)
        if hasattr(part, "vocab_size"):
            part.pad_token_id = 0
    return config


def _parts(config: PretrainedConfig) -> list[Any]:
    return [part for name in config.sub_configs if (part := getattr(config, name, None)) is not None]


def _sharpen(model: PreTrainedModel) -> None:
    """Give all matrices entries so large that what a token attends to makes a difference."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=1.5 * parameter.shape[-1] ** -0.5)


def _difference(model: PreTrainedModel) -> float:
    """Return the largest difference of the backend's logits from the model's own, relative to the largest logit."""
    n = len(ANSWERS) // len(PROMPTS)
    steps = range(len(ANSWERS[0]) + 1)
    texts = [[PROMPTS[row // n] + answer[:step] for row, answer in enumerate(ANSWERS)] for step in steps]
    expected = [
        torch.stack([model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1] for ids in of_step])
        for of_step in texts
    ]
    use_shared_prompts(model)
    longest = max(map(len, PROMPTS))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in PROMPTS])
    mask = torch.tensor([[False] * (longest - len(prompt)) + [True] * len(prompt) for prompt in PROMPTS])
    cache = SharedPromptCache(model.config.get_text_config().num_hidden_layers, n, len(steps))
    position = (mask.cumsum(1) - 1).clamp(min=0)
    found = [next_logits(model, ids, mask, position, cache).repeat_interleave(n, 0)]
    cache.share()
    mask, position, rows = mask.repeat_interleave(n, 0), position[:, -1:].repeat_interleave(n, 0), torch.arange(4)
    for step in steps[1:]:
        if step == steps[-1]:  # an answer has ended
            kept = torch.tensor([0, 2, 3])
            cache.keep(kept)
            mask, position, rows = mask[kept], position[kept], rows[kept]
        position = position + 1
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
        tokens = torch.tensor(ANSWERS)[rows, step - 1 : step]
        found.append(next_logits(model, tokens, mask, position, cache))
    expected[-1] = expected[-1][rows]
    together = torch.cat(expected)
    return float((torch.cat(found) - together).abs().max() / together.abs().max())
