"""Strategies of collecting data: which training examples the new ones should resemble.

A strategy gives every training example a weight of 0 or more. Training examples are drawn with these weights, and the
new examples resemble the drawn ones. To add a strategy, write a function here, enter it in ``STRATEGIES`` and add its
name to ``premem.config.curation.StrategyName``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from premem.config.curation import Collection, StrategyName

Needs = Literal["nothing", "scores", "ifd", "labels"]
"""What a strategy reads. ``scores`` is the memorization table of the previous run, with p. ``ifd`` is
instruction-following difficulty under the previous run. ``labels`` are the difficulty labels of the examples."""
Weigh = Callable[[pd.DataFrame, Collection], "pd.Series[float]"]
"""Takes a row per training example, with the columns that the strategy needs, and returns the weights."""


def weigh_alike(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """Give all the same weight, so that new examples come from the distribution of the training set."""
    return pd.Series(1.0, index=examples.index)


def weigh_low_premem(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """Give the same weight to all examples with a premem accuracy below t (P_i of Algorithm 1)."""
    return (examples["premem_accuracy"] < settings.threshold).astype(float)


def weigh_by_premem(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """Weigh an example by 1 − premem accuracy; t plays no part."""
    return 1 - examples["premem_accuracy"]


def weigh_low_accuracy(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """Give the same weight to all examples with a train accuracy below t; memorized examples are then missed."""
    return (examples["accuracy"] < settings.threshold).astype(float)


def weigh_high_ifd(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """Give the same weight to the share with the highest instruction-following difficulty (IFD, Li et al. 2023).

    IFD is the mean loss of the target given the question, divided by that of the target alone. As in Li et al.,
    examples with an IFD of 1 or more are left out, since the question does not help to write their targets.
    """
    ifd = examples["ifd"].where(examples["ifd"] < 1)
    return _hardest(ifd, examples, settings.share)


def weigh_difficult(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """Give the same weight to the hardest share by the dataset's own labels (``premem.data.difficulty``)."""
    return _hardest(examples["difficulty"], examples, settings.share)


def _hardest(value: "pd.Series[float]", examples: pd.DataFrame, share: float) -> "pd.Series[float]":
    """Return 1 for the share with the highest values and 0 for all others; ties are resolved by a random rank."""
    order = np.lexsort((examples["subset_rank"], -value.to_numpy(dtype=float)))
    order = order[value.notna().to_numpy()[order]]
    weights = np.zeros(len(examples))
    weights[order[: max(1, round(share * len(examples)))]] = 1
    return pd.Series(weights, index=examples.index)


@dataclass(frozen=True)
class Strategy:
    """A strategy: its weights, and what is known about it."""

    title: str
    """Name for readers."""
    source: str
    """Publication that it comes from."""
    needs: Needs
    weigh: Weigh
    reads: tuple[Literal["threshold", "share"], ...] = ()
    """Keys of ``collection`` that the weights depend on."""

    def values_read(self, settings: Collection) -> dict[str, Any]:
        """Return these keys with their values."""
        return {key: getattr(settings, key) for key in self.reads}


STRATEGIES: dict[StrategyName, Strategy] = {
    "premem": Strategy(
        "low premem accuracy", "Kang et al. 2025, Algorithm 1", "scores", weigh_low_premem, ("threshold",)
    ),
    "premem_weighted": Strategy("by 1 − premem accuracy", "", "scores", weigh_by_premem),
    "train_accuracy": Strategy("low train accuracy", "", "scores", weigh_low_accuracy, ("threshold",)),
    "ifd": Strategy("instruction-following difficulty", "Li et al. 2023", "ifd", weigh_high_ifd, ("share",)),
    "difficulty": Strategy(
        "the dataset's difficulty labels", "Kang et al. 2025", "labels", weigh_difficult, ("share",)
    ),
    "iid": Strategy("i.i.d.", "", "nothing", weigh_alike),
}
