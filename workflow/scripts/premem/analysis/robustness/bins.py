"""Accuracy and drop in bins of every predictor, with intervals from resampled runs.

    bins    examples, perturbation, predictor, bin, low_edge, high_edge, mean, statistic, estimate, low, high,
            n_examples, n_runs

``examples`` is ``all`` or ``solved``. An example is solved if every answer was right when the predictors were measured,
as for examples that a model has memorized. ``perturbation`` is a name, or ``all`` for the answers under all
perturbations together. ``statistic`` is unperturbed (accuracy), perturbed (accuracy), drop, or kept (perturbed divided
by unperturbed accuracy).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from premem.analysis.regression.bootstrap import FEWEST_RUNS, interval
from premem.analysis.robustness.answers import ROUNDING, Floats, contrasts, predictor_sets_of
from premem.config.statistics import Statistics


def bin_edges(values: ArrayLike, predictor: str, bins: int) -> Floats:
    """Return the edges of the bins.

    Bins of accuracies have equal widths in [0, 1], and bins of perplexity hold equal numbers of examples. For
    difficulty there is a bin for each label, with edges halfway between labels. If there are more labels than bins,
    neighbouring labels share a bin, so that all bins hold about equal numbers of examples.
    """
    values = np.asarray(values, dtype=float)
    if predictor == "difficulty":
        labels = np.unique(values)
        begins = labels if len(labels) <= bins else np.quantile(values, np.arange(bins) / bins, method="lower")
        is_first = np.isin(labels[1:], begins)
        halfway = (labels[:-1] + labels[1:]) / 2
        return np.concatenate([labels[:1], halfway[is_first], labels[-1:]])
    if predictor != "perplexity":
        return np.linspace(0, 1, bins + 1)
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))


def bin_of(values: ArrayLike, edges: Floats) -> NDArray[np.intp]:
    """Return the bin of each value. An edge belongs to the bin above it, and the last edge to the last bin."""
    inner = edges[1:-1] - ROUNDING  # 3/5 belongs to the bin that begins at 0.6
    return np.searchsorted(inner, np.asarray(values, dtype=float), side="right")


def table_of_bins(answers: pd.DataFrame, bins: int, statistics: Statistics) -> pd.DataFrame:
    """Return ``bins`` (see the top of this module). Intervals resample whole runs.

    Args:
        answers: see ``premem.analysis.robustness.answers``.
        bins: how many bins each predictor gets.
        statistics: settings of the intervals.
    """
    rows: list[dict[str, object]] = []
    for examples, perturbation, table in contrasts(answers):
        for _, (predictor, *more), known in predictor_sets_of(examples, table):
            if more:
                continue
            edges = bin_edges(known[predictor], predictor, bins)
            where = bin_of(known[predictor], edges)
            for number in range(len(edges) - 1):
                here = known[where == number]
                what = {
                    **{"examples": examples, "perturbation": perturbation, "predictor": predictor, "bin": number},
                    **{"low_edge": edges[number], "high_edge": edges[number + 1], "mean": here[predictor].mean()},
                    **{"n_examples": len(here), "n_runs": here["run"].nunique()},
                }
                rows += [{**what, **row} for row in accuracies(here, statistics)]
    return pd.DataFrame(rows)


def accuracies(table: pd.DataFrame, statistics: Statistics) -> Iterator[dict[str, object]]:
    """Yield statistic, estimate, low, high of a contrast; nothing if there are no examples."""
    if table.empty:
        return
    share = {when: table[f"right_{when}"] / table[f"n_{when}"] for when in ("before", "after")}
    sums = pd.DataFrame({**share, "n": 1.0}).groupby(table["run"].to_numpy(), sort=True).sum()

    def estimate(weights: Floats) -> dict[str, Floats]:
        n = weights @ sums["n"].to_numpy()
        before, after = (weights @ sums[when].to_numpy() / n for when in ("before", "after"))
        with np.errstate(invalid="ignore", divide="ignore"):
            kept = np.where(before > 0, after / before, np.nan)
        return {"unperturbed": before, "perturbed": after, "drop": before - after, "kept": kept}

    found = estimate(np.ones((1, len(sums))))
    resampled = estimate(draws_of(len(sums), statistics)) if len(sums) >= FEWEST_RUNS else {}
    for statistic, value in found.items():
        low, high, _ = interval(resampled.get(statistic), statistics.confidence)
        yield {"statistic": statistic, "estimate": float(value[0]), "low": low, "high": high}


def draws_of(runs: int, statistics: Statistics) -> Floats:
    """Return how often each resample holds each run, shape (resamples, runs)."""
    random = np.random.default_rng(statistics.seed)
    return random.multinomial(runs, np.full(runs, 1 / runs), statistics.resamples).astype(float)
