"""Intervals that are meant to cover a share of whole runs: split conformal prediction over runs.

The checkpoints of a run resemble each other, so a run counts once: its score is its largest residual. Runs are taken to
be exchangeable. Vovk et al. 2005, "Algorithmic Learning in a Random World"; Lei et al. 2018, section 2.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def fewest_runs(coverage: float) -> int:
    """Return how many runs an interval of this coverage needs: 9 for 0.9, 19 for 0.95."""
    return math.ceil(round(coverage / (1 - coverage), 6))


def scores_of_runs(run: Sequence[Hashable], residual: ArrayLike) -> Floats:
    """Return the largest absolute residual of each run, shape (runs,), in the order of appearance."""
    table = pd.DataFrame({"run": list(run), "score": np.abs(np.asarray(residual, dtype=float))})
    return table.groupby("run", sort=False)["score"].max().to_numpy(dtype=float)


def conformal_quantile(scores: ArrayLike, coverage: float) -> float:
    """Return the ⌈(runs + 1) · coverage⌉-th smallest score, which a new run's score exceeds with at most 1 − coverage.

    NaN where there are fewer than ``fewest_runs``.
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    if len(ordered) < fewest_runs(coverage) or np.isnan(ordered).any():
        return math.nan
    return float(ordered[math.ceil(round((len(ordered) + 1) * coverage, 6)) - 1])
