"""Estimates of every statistic, and intervals from resampled runs.

A statistic of a resample is computed from sums over each run, so that thousands of resamples at hundreds of thresholds
take seconds.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from premem.analysis.regression.calibration import best_index
from premem.analysis.regression.measures import Floats, nan_if_constant
from premem.config.statistics import Statistics

FEWEST_RUNS = 3
"""With fewer runs than this there are no intervals over runs, since they would say nothing."""
JUDGED = (
    "r_squared",
    "r_squared_leave_one_run_out",
    "squared_correlation",
    "mean_absolute_error",
    "mean_absolute_error_leave_one_run_out",
    "threshold",
)
"""The statistics that ``judge`` gives."""
ARRAY_ELEMENTS = 2**20
"""Elements of the largest temporary array (8 MB). Only a few such arrays live at the same time."""


def judge(
    run: ArrayLike, test: ArrayLike, predicted: ArrayLike, thresholds: ArrayLike, statistics: Statistics
) -> pd.DataFrame:
    """Judge predictions at one or several thresholds about the line y = x.

    Args:
        run: the run of each point, shape (points,).
        test: test accuracies, shape (points,).
        predicted: shape (points, thresholds).
        thresholds: values of p. If there are several, the best is taken, anew in each resample. A single one (NaN if
            there is no p) is used as it is.
        statistics: number of resamples of runs, confidence, seed.

    Returns:
        statistic, estimate, low, high, note; a row for each of ``JUDGED``. The statistics ``…_leave_one_run_out`` are
        there only with several thresholds.
    """
    single = np.size(thresholds) == 1
    estimates, resampled = resample(run, test, predicted, thresholds, statistics)
    rows = []
    for statistic in JUDGED:
        held_out = "leave_one_run_out" in statistic
        if held_out and single:
            continue
        if statistic == "threshold" and single:
            rows.append((statistic, estimates[statistic], np.nan, np.nan, ""))
            continue
        low, high, remark = interval(resampled.get(statistic), statistics.confidence)
        note = join_notes("p calibrated without the run" if held_out else "", remark)
        rows.append((statistic, estimates[statistic], low, high, note))
    return pd.DataFrame(rows, columns=["statistic", "estimate", "low", "high", "note"])


def resample(
    run: ArrayLike,
    test: ArrayLike,
    predicted: ArrayLike,
    thresholds: ArrayLike,
    statistics: Statistics,
    ranked: bool = False,
) -> tuple[dict[str, float], dict[str, Floats]]:
    """Compute every statistic on the points, and on resamples of whole runs.

    Points of the same runs in the same order get the same resamples, so that several predictors can be compared
    resample by resample.

    Args:
        run, test, predicted, thresholds, statistics: as for ``judge``.
        ranked: compute ``rank_correlation`` as well, which takes longer.

    Returns:
        statistic → estimate, and statistic → shape (resamples,), NaN where undefined. With fewer than ``FEWEST_RUNS``
        runs there are no resamples. The statistics are those of ``judge`` for any number of thresholds, and
        ``r_squared_linear_leave_one_run_out``. That is R² of test accuracy about a linear map of the prediction, where
        p and the map (fitted by least squares) come from the other runs. In sample it equals ``squared_correlation``.
    """
    test, predicted, thresholds = (np.asarray(x, dtype=float) for x in (test, predicted, thresholds))
    sums = _sum_by_run(run, test, predicted)
    runs = len(sums["n"])
    whole = np.ones((1, runs), dtype=int)
    draws = np.random.default_rng(statistics.seed).multinomial(runs, np.full(runs, 1 / runs), statistics.resamples)
    both = []
    for weights in (whole, draws if runs >= FEWEST_RUNS else whole[:0]):
        found = _estimate(sums, thresholds, weights) if len(weights) else {}
        if ranked and len(weights):
            of_point = weights[:, pd.factorize(np.asarray(run))[0]]
            found["rank_correlation"] = _rank_correlation(test, predicted, found["best"].astype(int), of_point)
        both.append(found)
    estimates, resampled = both
    return {name: float(value[0]) for name, value in estimates.items()}, resampled


def _rank_correlation(test: Floats, predicted: Floats, best: NDArray[np.intp], weights: NDArray) -> Floats:
    """Return Spearman's correlation of test and predicted accuracy in every resample, NaN where one does not vary.

    Args:
        test: shape (points,).
        predicted: shape (points, thresholds).
        best: index of the threshold that each resample takes, shape (resamples,).
        weights: how often each resample holds each point, shape (resamples, points).
    """
    correlation = np.empty(len(weights))
    for index in np.unique(best):
        here = best == index
        weight = weights[here].astype(float)
        x, y = (_ranks(values, weight) for values in (predicted[:, index], test))
        n = weight.sum(axis=1)
        x, y = (r - ((weight * r).sum(axis=1) / n)[:, None] for r in (x, y))
        spreads = [nan_if_constant((weight * r**2).sum(axis=1), n) for r in (x, y)]
        correlation[here] = (weight * x * y).sum(axis=1) / np.sqrt(spreads[0] * spreads[1])
    return correlation


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Return the rank of each point in each resample, shape (resamples, points); equal values share their mean rank."""
    below = (values[:, None] < values).astype(float)
    equal = (values[:, None] == values).astype(float)
    return weights @ below + (weights @ equal + 1) / 2


def join_notes(*parts: str) -> str:
    """Join the remarks that are not empty."""
    return "; ".join(part for part in parts if part)


def interval(resampled: Floats | None, confidence: float) -> tuple[float, float, str]:
    """Return low and high of the percentile interval, and a remark.

    Args:
        resampled: shape (resamples,); undefined values (NaN) are left out, and the remark says how many. None if there
            are too few runs for an interval.
        confidence: share of the resamples within the interval.
    """
    if resampled is None:
        return np.nan, np.nan, f"no interval: fewer than {FEWEST_RUNS} runs"
    defined = resampled[~np.isnan(resampled)]
    if not defined.size:
        return np.nan, np.nan, "no interval: undefined in every resample"
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    left_out = resampled.size - defined.size
    return low, high, f"undefined in {left_out} of {resampled.size} resamples" if left_out else ""


def _sum_by_run(run: ArrayLike, test: Floats, predicted: Floats) -> dict[str, Floats]:
    """Sum over the checkpoints of each run the terms from which the statistics of any resample of runs are computed.

    Returns:
        name of the term → shape (runs, thresholds), or (runs, 1) for a term that does not depend on the threshold.
    """
    # The mean is subtracted first, so that differences of sums keep their digits.
    y, x = (test - test.mean())[:, None], predicted - test.mean()
    codes, _ = pd.factorize(np.asarray(run))
    of_run = (codes == np.arange(codes.max() + 1)[:, None]).astype(float)
    terms = {"n": np.ones_like(y), "y": y, "yy": y**2, "x": x, "xx": x**2, "xy": x * y}
    terms |= {"squared_error": (y - x) ** 2, "absolute_error": np.abs(y - x)}
    return {name: of_run @ term for name, term in terms.items()}


def _estimate(sums: dict[str, Floats], thresholds: Floats, weights: NDArray) -> dict[str, Floats]:
    """Compute the statistics of every resample, in portions to limit the memory.

    Args:
        sums: from ``_sum_by_run``.
        thresholds: values of p; with a single one nothing is calibrated.
        weights: how often each resample holds each run, shape (resamples, runs).

    Returns:
        name of the statistic → shape (resamples,).
    """
    at_a_time = max(1, ARRAY_ELEMENTS // thresholds.size)
    portions = [
        _estimate_portion(sums, thresholds, weights[first : first + at_a_time].astype(float))
        for first in range(0, len(weights), at_a_time)
    ]
    return {name: np.concatenate([portion[name] for portion in portions]) for name in portions[0]}


def _estimate_portion(sums: dict[str, Floats], thresholds: Floats, weights: Floats) -> dict[str, Floats]:
    total = {name: weights @ by_run for name, by_run in sums.items()}
    n, rows = total["n"][:, 0], np.arange(len(weights))
    spread = _spread(total)
    best, found = best_index(1 - total["squared_error"] / spread)
    best = np.where(found, best, best_index(-total["absolute_error"])[0])  # as ``best_threshold`` does
    at_best = {name: value[rows, best if value.shape[1] > 1 else 0] for name, value in total.items()}
    covariance = at_best["xy"] - at_best["x"] * at_best["y"] / n
    spread_of_predicted = nan_if_constant(at_best["xx"] - at_best["x"] ** 2 / n, n)

    squared_error, absolute_error, linear_error = (np.zeros(len(weights)) for _ in range(3))
    calibrating = ("n", "y", "yy", "squared_error")
    for run in range(weights.shape[1]):
        held = np.flatnonzero(weights[:, run])
        weight = weights[held, run]
        without = {name: total[name][held] - weight[:, None] * sums[name][run] for name in calibrating}
        index, calibrated = best_index(1 - without["squared_error"] / _spread(without))
        weight = np.where(calibrated, weight, np.nan)
        squared_error[held] += weight * sums["squared_error"][run, index]
        absolute_error[held] += weight * sums["absolute_error"][run, index]
        linear_error[held] += weight * _error_of_linear_map(total, sums, held, run, index, weights[held, run])

    return {
        "r_squared": 1 - at_best["squared_error"] / spread[:, 0],
        "r_squared_leave_one_run_out": 1 - squared_error / spread[:, 0],
        "r_squared_linear_leave_one_run_out": 1 - linear_error / spread[:, 0],
        "squared_correlation": covariance**2 / (spread[:, 0] * spread_of_predicted),
        "mean_absolute_error": at_best["absolute_error"] / n,
        "mean_absolute_error_leave_one_run_out": absolute_error / n,
        "threshold": thresholds[best],
        "best": best,
    }


def _error_of_linear_map(
    total: dict[str, Floats],
    sums: dict[str, Floats],
    held: NDArray[np.intp],
    run: int,
    index: NDArray[np.intp],
    weight: Floats,
) -> Floats:
    """Return a run's squared error about the line that best fits the other runs of each resample.

    The line is flat where the predictions of the other runs do not vary. Without other runs the error is NaN.

    Args:
        total: sums over each resample.
        sums: sums by run.
        held: indices of the resamples that hold the run.
        run: index of the run.
        index: which threshold each of these resamples takes, shape (held,).
        weight: how often each of these resamples holds the run, shape (held,).
    """

    def of_others(name: str) -> Floats:
        column = index if total[name].shape[1] > 1 else 0
        return total[name][held, column] - weight * sums[name][run, column]

    def of_run(name: str) -> Floats:
        return sums[name][run, index if sums[name].shape[1] > 1 else 0]

    n = of_others("n")
    n = np.where(n > 0, n, np.nan)
    x, y = of_others("x") / n, of_others("y") / n
    slope = (of_others("xy") - n * x * y) / nan_if_constant(of_others("xx") - n * x**2, n)
    slope = np.where(np.isnan(slope), 0, slope)
    # Σ (y − a − b x)² over the run, with a = mean y − b mean x, computed from the run's sums.
    a = y - slope * x
    return (
        of_run("yy")
        - 2 * a * of_run("y")
        - 2 * slope * of_run("xy")
        + a**2 * of_run("n")
        + 2 * a * slope * of_run("x")
        + slope**2 * of_run("xx")
    )


def _spread(total: dict[str, Floats]) -> Floats:
    """Return Σ(test − mean test)² from sums; NaN where test accuracy is constant or there are no points."""
    n = np.maximum(total["n"], 1)
    return nan_if_constant(total["yy"] - total["y"] ** 2 / n, n)
