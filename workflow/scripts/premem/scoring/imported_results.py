"""What imported results have in common, wherever they come from: two tables of scores, and doubts about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import hypergeom

TEST_SET = "test"
"""Name of the only test set of results that name none."""

MEMORIZED = 1.05
"""An example of the release is memorized up to this perplexity. At the last checkpoint of GSM8K's half and quarter
runs, these are 99.9% of the examples trained on, and at most 0.4% of the others."""
SIGNIFICANCE = 0.01


@dataclass(frozen=True)
class Imported:
    """Imported scores: the two tables of ``premem.scoring.scores``."""

    memorization: pd.DataFrame
    tests: pd.DataFrame
    left_out: dict[str, str] = field(default_factory=dict)
    """Why runs were left out, by name."""
    doubted: dict[str, str] = field(default_factory=dict)
    """Of which runs it is doubtful which examples they were trained on, why, and what was done about it, by name."""


def doubts_about_membership(perplexity: NDArray, trained_on: NDArray[np.bool_], source: str) -> str:
    """Say that the examples that a run was trained on are not more memorized than the others; nothing if they are.

    Nothing either where the run memorized too little to tell. Both by Fisher's exact test: of the numbers that there
    are, and of the numbers that there would be if only examples trained on were memorized.

    Args:
        perplexity: of every example, at the run's last checkpoint.
        trained_on: whether the run is said to be trained on it.
        source: what says so.
    """
    memorized = perplexity <= MEMORIZED
    number, of_trained_on = int(memorized.sum()), int(memorized[trained_on].sum())
    by_chance = hypergeom(len(perplexity), trained_on.sum(), number)
    best = min(number, trained_on.sum())
    if trained_on.all() or by_chance.sf(best - 1) > SIGNIFICANCE or by_chance.sf(of_trained_on - 1) <= SIGNIFICANCE:
        return ""
    return (
        f"The examples that it was trained on, as {source} says, are not more memorized than the others: at the last "
        f"checkpoint perplexity is at most {MEMORIZED} for {memorized[trained_on].mean():.1%} of them and "
        f"{memorized[~trained_on].mean():.1%} of the others."
    )


def stack_tables(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of the same columns under each other."""
    return pd.concat(tables, ignore_index=True)
