"""The threshold p of a (model, dataset) pair, in a file of its own."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from premem.base.errors import UserError
from premem.base.files import read_json, write_text
from premem.config.statistics import ThresholdSource

SOURCES: dict[ThresholdSource, str] = {
    "test": "p tuned on these points",
    "unseen": "p from held-out examples",
    "quantile": "p from held-out perplexities",
    "study": "p of another study",
    "value": "p given in the study",
}
"""Where p comes from, in the words of tables and pages."""


@dataclass(frozen=True)
class ChosenThreshold:
    """The threshold that a pair is judged with."""

    threshold: float
    """The perplexity p at or below which an example counts as memorized."""
    source: ThresholdSource
    """Where p comes from."""
    lowest: float | None = None
    """Least p of the grid whose R², about what p was chosen with, is within 0.05 of the best; None without a grid."""
    highest: float | None = None
    """The largest such p."""

    @property
    def fixed(self) -> bool:
        """Was p chosen without a look at the test accuracies?"""
        return self.source != "test"

    @property
    def note(self) -> str:
        """Where p comes from, in a few words."""
        return SOURCES[self.source]


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
