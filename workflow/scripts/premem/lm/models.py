"""Loading models from local folders: safetensors only, no code from the folder, no network."""

import os
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.integrations.fsdp import is_fsdp_enabled

from premem.base.errors import UserError
from premem.lm.tokens import check_folder, explained
from premem.lm.weights import check_weights


def load_model(folder: Path, dtype: str = "float32", train: bool = False) -> PreTrainedModel:
    """Load a causal language model.

    Args:
        folder: a Hugging Face model folder.
        dtype: number format of the weights.
        train: load for training, and leave it to the Trainer to move the model. Otherwise the model is loaded for
            inference, onto the GPU if there is one.

    Raises:
        UserError: if the folder is not a whole Hugging Face model folder with safetensors weights, if weights are
            missing or not finite, or if the model needs code of its own.
    """
    # Where layers are spread over processes, the main one reads the weights and hands them out.
    reads_weights = not (is_fsdp_enabled() and os.environ.get("LOCAL_RANK", "0") != "0")
    check_folder(folder)
    if reads_weights:
        check_weights(folder)
    with explained(folder, "model"):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    model, found = loaded
    absent = sorted(found["missing_keys"]) if reads_weights else []
    if absent:
        raise UserError(
            f"{folder}: {len(absent)} of the model's weights are absent, such as {absent[0]}; random ones would take "
            f"their place. Are the files of weights whole, and is config.json that of this model?"
        )
    if unused := sorted(found["unexpected_keys"]):
        print(f"{folder}: {len(unused)} weights are not used by {type(model).__name__}: {unused[0]} …", file=sys.stderr)
    if train:
        return model
    return model.eval().cuda() if torch.cuda.is_available() else model.eval()


def prepare_device(threads: int, gpus: int, key: str) -> None:
    """Let torch use this many threads of the processor, and refuse a machine with fewer GPUs than a job needs.

    Args:
        threads: of the processor.
        gpus, key: as for ``require_gpus``.

    Raises:
        UserError: as ``require_gpus``.
    """
    torch.set_num_threads(threads)
    require_gpus(gpus, key)


def require_gpus(number: int, key: str) -> None:
    """Refuse a machine with fewer GPUs than a job needs.

    Args:
        number: of GPUs.
        key: of the configuration that the number comes from.

    Raises:
        UserError: if there are fewer; it names the key to change.
    """
    present = torch.cuda.device_count()
    if present < number:
        change = f"{key} to {present}" if present else "hardware.gpu to false"
        raise UserError(f"{key}: {number} GPUs are needed, but there are {present}; set {change}")
