"""Loading models and tokenizers from local folders: safetensors only, no code from the folder, no network."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from premem.errors import UserError


def load_model(folder: Path, dtype: str = "float32") -> PreTrainedModel:
    """Load a causal language model for inference, onto the GPU if there is one.

    Raises:
        UserError: if the folder is not a whole Hugging Face model folder with safetensors weights.
    """
    _check_folder(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True
        )
    except Exception as error:  # whatever the loader raises, the reader needs to know which folder
        raise UserError(f"{folder}: the model cannot be loaded: {error}") from error
    return model.eval().cuda() if torch.cuda.is_available() else model.eval()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model folder."""
    _check_folder(folder)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: not a model folder (it has no config.json)")
