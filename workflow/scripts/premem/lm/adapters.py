"""Low-rank adapters (LoRA, Hu et al. 2021) with peft: added to a model for training, merged into it for saving."""

from pathlib import Path
from typing import Any

from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor

from premem.config.training import Lora
from premem.lm.models import load_model


def add_adapters(model: Any, lora: Lora) -> Any:
    """Return the model with adapters in all linear layers except the head; only the adapters are trained."""
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def merge_adapters(model: Any, weights: dict[str, Tensor], base_model: Path, lora: Lora) -> Any:
    """Return the base model with trained adapters merged in, which is an ordinary model.

    Args:
        model: the model in training; its own weights may be spread over several processes.
        weights: all its weights, gathered from the processes.
        base_model: folder of the model before training.
        lora: shape of the adapters.
    """
    merged = add_adapters(load_model(base_model, train=True), lora)
    set_peft_model_state_dict(merged, get_peft_model_state_dict(model, state_dict=weights))
    return merged.merge_and_unload()
