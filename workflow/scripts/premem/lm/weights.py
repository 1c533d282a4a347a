"""Files of weights: whole, and of finite numbers, before anything is computed with them."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from premem.base.errors import UserError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
AGAIN = "delete the folder and run again, or, if the model is your own, copy it anew"


def check_weights(folder: Path) -> None:
    """Look at every weight of a model folder once.

    Raises:
        UserError: naming the file that is absent or cut off, or holds weights that are not finite.
    """
    for file in _weight_files(folder):
        try:
            with safe_open(file, "pt") as weights:
                bad = [name for name in weights.keys() if not all_finite(weights.get_tensor(name))]  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"{folder}: the model cannot be loaded: {file.name} is damaged or cut off ({error}); {AGAIN}"
            ) from error
        if bad:
            raise UserError(f"{file}: {bad[0]} and {len(bad) - 1} more hold values that are not finite; {AGAIN}")


def all_finite(weights: torch.Tensor) -> bool:
    """Are there no infinite values in a tensor, and none that are no numbers?"""
    if not weights.numel() or not weights.is_floating_point():
        return True
    if weights.element_size() == 1:  # formats of 8 bits have no operations of their own
        weights = weights.float()
    low, high = weights.aminmax()  # neither memory nor sums that could overflow
    return bool(low.isfinite() and high.isfinite())


def _weight_files(folder: Path) -> list[Path]:
    index = folder / INDEX
    if (folder / SINGLE).is_file():
        files = [folder / SINGLE]
    elif index.is_file():
        try:
            files = sorted(
                {folder / name for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
            )
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise UserError(f"{index}: not a list of safetensors files ({error!r}); {AGAIN}") from error
    else:
        raise UserError(f"{folder}: there are no weights ({SINGLE}, or {INDEX} and its parts); others are not read")
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: this part of the weights is absent; {AGAIN}")
    return files
