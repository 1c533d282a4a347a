"""The threshold p of a (model, dataset) pair, in a file of its own."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from premem.base.errors import UserError
from premem.base.files import read_json, write_text


@dataclass(frozen=True)
class ChosenThreshold:
    """The threshold that a pair is judged with."""

    threshold: float
    """The perplexity p at or below which an example counts as memorized."""
    fixed: bool
    """True if the configuration gives p, false if p was calibrated on the pair."""


def write_threshold(chosen: ChosenThreshold, path: Path) -> None:
    """Write the threshold of a pair as JSON."""
    write_text(json.dumps(asdict(chosen)) + "\n", path)


def read_threshold(path: Path) -> ChosenThreshold:
    """Read what ``write_threshold`` wrote.

    Raises:
        UserError: if the file holds anything else, or is no longer what was written.
    """
    held = read_json(path)
    try:
        return ChosenThreshold(**held)
    except TypeError as error:
        raise UserError(f"{path}: not a threshold ({error}); delete the file and run again") from error
