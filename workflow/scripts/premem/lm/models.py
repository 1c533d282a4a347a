"""Loading models from local folders: safetensors only, no code from the folder, no network."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from premem.base.errors import UserError
from premem.lm.tokens import check_folder


def load_model(folder: Path, dtype: str = "float32", train: bool = False) -> PreTrainedModel:
    """Load a causal language model.

    Args:
        folder: a Hugging Face model folder.
        dtype: number format of the weights.
        train: load for training, and leave it to the Trainer to move the model. Otherwise the model is loaded for
            inference, onto the GPU if there is one.

    Raises:
        UserError: if the folder is not a complete Hugging Face model folder with safetensors weights.
    """
    check_folder(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True
        )
    except Exception as error:  # the loader raises errors of many types; the user needs to know which folder
        raise UserError(f"{folder}: the model cannot be loaded: {error}") from error
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
