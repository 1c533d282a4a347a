"""Strategies of collecting data: how much each training example should be like the next new ones.

A strategy gives every training example a weight of 0 or more; new examples are collected like examples drawn by these
weights. A new strategy is a function here and its entry (and its name in ``settings.StrategyName``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from premem.config.curation import Collection, StrategyName

Needs = Literal["nothing", "scores", "ifd", "labels"]
"""``scores``: the memorization table of the run before, and p; ``ifd``: instruction-following difficulty under the run
before; ``labels``: the examples' difficulty."""
Weigh = Callable[[pd.DataFrame, Collection], "pd.Series[float]"]
"""From a row per training example, with the columns that the strategy needs, to the weights."""


def weigh_alike(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """All alike: new examples come from the distribution of the training set."""
    return pd.Series(1.0, index=examples.index)


def weigh_low_premem(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """P_i of Algorithm 1: those whose premem accuracy is below t, alike."""
    return (examples["premem_accuracy"] < settings.threshold).astype(float)


def weigh_by_premem(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """By how far premem accuracy falls short of 1; t plays no part."""
    return 1 - examples["premem_accuracy"]


def weigh_low_accuracy(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """Those whose train accuracy is below t, alike: what memorization hides stays hidden."""
    return (examples["accuracy"] < settings.threshold).astype(float)


def weigh_high_ifd(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """The share with the highest instruction-following difficulty (Li et al. 2023), alike.

    IFD is the mean loss of the target given the question over that of the target alone. As there, examples with an IFD
    of 1 or more, to which the question is no help, are left out.
    """
    ifd = examples["ifd"].where(examples["ifd"] < 1)
    return _hardest(ifd, examples, settings.share)


def weigh_difficult(examples: pd.DataFrame, settings: Collection) -> "pd.Series[float]":
    """The share that is hardest by the dataset's own labels (``premem.data.difficulty``), alike."""
    return _hardest(examples["difficulty"], examples, settings.share)


def _hardest(value: "pd.Series[float]", examples: pd.DataFrame, share: float) -> "pd.Series[float]":
    """1 for the share with the highest values, 0 for others and where there is none; ties fall to a random rank."""
    order = np.lexsort((examples["subset_rank"], -value.to_numpy(dtype=float)))
    order = order[value.notna().to_numpy()[order]]
    weights = np.zeros(len(examples))
    weights[order[: max(1, round(share * len(examples)))]] = 1
    return pd.Series(weights, index=examples.index)


@dataclass(frozen=True)
class Strategy:
    """What is known of a strategy beside its weights."""

    title: str
    """As a reader sees it."""
    source: str
    """Where it comes from."""
    needs: Needs
    weigh: Weigh
    reads: tuple[Literal["threshold", "share"], ...] = ()
    """Keys of ``collection`` that its weights depend on."""

    def values_read(self, settings: Collection) -> dict[str, Any]:
        """Those keys, with their values."""
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
