"""How well accuracies on the training set predict test accuracy: R² about y = x, calibration of p, intervals.

Kang et al. 2025, section 4: one threshold p per (model, dataset), the one whose predictions lie closest to the line
y = x. That p is tuned on the points it is judged on, so each number comes with two guards: p calibrated without the
run it is judged on, and intervals from resampled runs with p calibrated anew in each resample. Checkpoints of a run
are alike, so runs, not checkpoints, are resampled and left out.

Two tables go in, both with one (model, dataset) pair's runs under each other:

    points   run, epoch, train_accuracy, predicted_test_accuracy, test_accuracy      one row per checkpoint
    curves   run, epoch, threshold, predicted_test_accuracy, test_accuracy           one row per checkpoint and p
"""

import re
import warnings
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from statsmodels.regression.linear_model import OLS, RegressionResults

from premem.base.errors import UserError
from premem.config.statistics import Grid, Statistics

Floats = NDArray[np.float64]
Predictor = Literal["premem_accuracy", "train_accuracy"]

COLUMNS: dict[Predictor, str] = {"premem_accuracy": "predicted_test_accuracy", "train_accuracy": "train_accuracy"}
"""The column of ``points`` that holds a predictor's prediction of test accuracy."""
FEWEST_RUNS = 3
"""With fewer runs than this an interval over runs says nothing."""
SMALLEST_VARIANCE = 1e-12
"""Accuracies that vary less than this (a standard deviation of 1e-6) are taken as constant."""
TIE = 1e-9
"""Values of R² this close are equal but for rounding."""
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
"""Largest temporary array (8 MB); a handful of them live at a time."""


# --- values of p --------------------------------------------------------------------------------


def threshold_grid(grid: Grid) -> Floats:
    """Return values of p spaced evenly in log(log p), from ``start`` to ``stop``."""
    start, stop = np.log(np.log([grid.start, grid.stop]))
    return np.exp(np.exp(np.linspace(start, stop, grid.points)))


# --- how far points lie from y = x ----------------------------------------------------------------------------------


def r_squared(test: ArrayLike, predicted: ArrayLike) -> Floats:
    """1 − Σ(test − predicted)² / Σ(test − mean test)² over the last axis: R² about y = x, not about a fitted line.

    NaN where test accuracy does not vary.
    """
    test, predicted = np.asarray(test, dtype=float), np.asarray(predicted, dtype=float)
    spread = _nan_if_constant(((test - test.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1), test.shape[-1])
    return 1 - ((test - predicted) ** 2).sum(axis=-1) / spread


def squared_correlation(test: ArrayLike, predicted: ArrayLike) -> Floats:
    """Pearson's correlation squared, over the last axis; NaN where either does not vary."""
    test, predicted = np.asarray(test, dtype=float), np.asarray(predicted, dtype=float)
    y, x = test - test.mean(axis=-1, keepdims=True), predicted - predicted.mean(axis=-1, keepdims=True)
    n = x.shape[-1]
    return (x * y).sum(axis=-1) ** 2 / (
        _nan_if_constant((y**2).sum(axis=-1), n) * _nan_if_constant((x**2).sum(axis=-1), n)
    )


def mean_absolute_error(test: ArrayLike, predicted: ArrayLike) -> Floats:
    """Mean of |test − predicted| over the last axis."""
    return np.abs(np.asarray(test, dtype=float) - np.asarray(predicted, dtype=float)).mean(axis=-1)


def _nan_if_constant(sum_of_squares: Floats, n: Floats | int) -> Floats:
    """Return the sum of squares about the mean, NaN where it is nothing but rounding."""
    return np.where(sum_of_squares > SMALLEST_VARIANCE * np.maximum(n, 1), sum_of_squares, np.nan)


# --- calibration of p -----------------------------------------------------------------------------------------------


def calibrate(curves: pd.DataFrame) -> pd.DataFrame:
    """Judge every threshold: threshold, r_squared, squared_correlation, mean_absolute_error, a row per threshold."""
    _, test, thresholds, predicted = _unstack(curves)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "r_squared": r_squared(test, predicted.T),
            "squared_correlation": squared_correlation(test, predicted.T),
            "mean_absolute_error": mean_absolute_error(test, predicted.T),
        }
    )


def best_threshold(calibration: pd.DataFrame) -> float:
    """Return the threshold with the best R²; of a stretch of equally good ones, the middle.

    Where R² is undefined, which is when test accuracy is the same at every checkpoint, the least mean absolute error
    decides.
    """
    index, found = best_index(calibration["r_squared"].to_numpy())
    if not found:
        index, _ = best_index(-calibration["mean_absolute_error"].to_numpy())
    return float(calibration["threshold"].iloc[int(index)])


def leave_one_run_out(curves: pd.DataFrame) -> pd.DataFrame:
    """Predict every run with the p that is best for the other runs.

    Returns:
        run, epoch, threshold_without_run, predicted_without_run; NaN where the other runs cannot calibrate p: there
        are none, or their test accuracy does not vary.
    """
    keys, test, thresholds, predicted = _unstack(curves)
    runs = keys["run"].to_numpy()
    chosen, held_out = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
    for run in pd.unique(runs):
        held, others = runs == run, runs != run
        if not others.any():
            break
        index, found = best_index(r_squared(test[others], predicted[others].T))
        if found:
            chosen[held], held_out[held] = thresholds[index], predicted[held, index]
    return keys.assign(threshold_without_run=chosen, predicted_without_run=held_out)


def _unstack(curves: pd.DataFrame) -> tuple[pd.DataFrame, Floats, Floats, Floats]:
    """Return keys (run, epoch), test (points,), thresholds (thresholds,) and predicted (points, thresholds)."""
    wide = curves.pivot(index=["run", "epoch"], columns="threshold", values="predicted_test_accuracy")
    if wide.isna().to_numpy().any():
        run, epoch = wide.index[wide.isna().any(axis=1)][0]
        raise UserError(
            f"run {run}, epoch {epoch}: the prediction is missing for some thresholds, so its curve is not of this "
            "grid; delete that run's curve and run again"
        )
    test = curves.groupby(["run", "epoch"])["test_accuracy"].first().loc[wide.index]
    keys = wide.index.to_frame(index=False)
    return keys, test.to_numpy(dtype=float), wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float)


def best_index(r2: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the index of the largest value along the last axis (the middle of a tied stretch), and if there is one.

    With one threshold there is nothing to choose, so its index is right even where R² is undefined.
    """
    n = r2.shape[-1]
    found = ~np.isnan(r2).all(axis=-1) | (n == 1)
    r2 = np.where(np.isnan(r2), -np.inf, r2)
    largest = r2.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # −inf − inf where nothing is defined
        tied = r2 >= largest - TIE * np.maximum(1, np.abs(largest))
    first = tied.argmax(axis=-1)
    ended = ~tied & (np.arange(n) > first[..., None])
    last = np.where(ended.any(axis=-1), ended.argmax(axis=-1), n) - 1
    return (first + last) // 2, found


# --- the table of results -------------------------------------------------------------------------------------------


def regression_table(
    points: pd.DataFrame, curves: pd.DataFrame, statistics: Statistics, fixed_threshold: float | None = None
) -> pd.DataFrame:
    """Sum up how well each predictor predicts test accuracy.

    Intervals of the OLS coefficients come from errors clustered by run; all others are percentile bootstraps that
    resample runs and, unless p is fixed, calibrate p anew in every resample. Copies of a run are left out together.
    Resamples in which a statistic is undefined are left out.

    Args:
        points: one row per checkpoint (see the top of this module), with the predictions at the study's p.
        curves: the same checkpoints over the grid of p; not read if p is fixed.
        statistics: number of resamples, confidence, seed.
        fixed_threshold: the p given in the configuration; None if p was calibrated on these points.

    Returns:
        predictor, statistic, estimate, low, high, note; low and high are NaN where there is no interval.
    """
    points = points.sort_values(["run", "epoch"])  # so that a resample is the same runs for every predictor
    tables = []
    for predictor, column in COLUMNS.items():
        if predictor == "premem_accuracy" and fixed_threshold is None:
            keys, test, thresholds, predicted = _unstack(curves)
            if len(keys) != len(points):
                raise ValueError(f"points and curves differ: {len(points)} and {len(keys)} checkpoints")
            run, note = keys["run"], "p tuned on these points"
        else:
            run, test = points["run"], points["test_accuracy"].to_numpy(dtype=float)
            predicted = points[[column]].to_numpy(dtype=float)
            thresholds = np.array([np.nan if fixed_threshold is None else fixed_threshold])
            note = "p fixed in the config" if predictor == "premem_accuracy" else ""
        judged = judge(run, test, predicted, thresholds, statistics)
        if predictor == "train_accuracy":
            judged = judged[judged["statistic"] != "threshold"]
        ols = pd.DataFrame(_ols_rows(points, predictor, statistics.confidence), columns=judged.columns)
        tuned = ~judged["statistic"].str.endswith("leave_one_run_out")
        judged.loc[tuned, "note"] = [_join(note, remark) for remark in judged.loc[tuned, "note"]]
        ols["note"] = [_join(note, remark) for remark in ols["note"]]
        both = pd.concat([judged, ols])
        tables.append(both.assign(predictor=predictor)[["predictor", *both.columns]])
    return pd.concat(tables, ignore_index=True)


def judge(
    run: ArrayLike, test: ArrayLike, predicted: ArrayLike, thresholds: ArrayLike, statistics: Statistics
) -> pd.DataFrame:
    """Judge predictions at several thresholds, or at one, about the line y = x.

    Args:
        run: the run of each point, shape (points,).
        test: test accuracies, shape (points,).
        predicted: shape (points, thresholds).
        thresholds: values of p, of which the best is taken, anew in each resample; or a single one (NaN where there is
            no p), taken as it is.
        statistics: number of resamples of runs, confidence, seed.

    Returns:
        statistic, estimate, low, high, note: r_squared, squared_correlation, mean_absolute_error, threshold, and, with
        several thresholds, ``…_leave_one_run_out``.
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
        note = _join("p calibrated without the run" if held_out else "", remark)
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

    Points of the same runs in the same order get the same resamples, so that statistics of several predictors can be
    compared resample by resample.

    Args:
        run, test, predicted, thresholds, statistics: as for ``judge``.
        ranked: compute ``rank_correlation`` as well, which takes longer.

    Returns:
        statistic → estimate, and statistic → shape (resamples,), NaN where undefined; no resamples with fewer than
        ``FEWEST_RUNS`` runs. The statistics are those of ``judge`` for any number of thresholds, and
        ``r_squared_linear_leave_one_run_out``: R² of test accuracy about its prediction when p and a linear map of the
        prediction, fitted by least squares, come from the other runs. (In sample that is ``squared_correlation``.)
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
    """Return Spearman's correlation of test with predicted accuracy in every resample, NaN where one does not vary.

    Args:
        test: shape (points,).
        predicted: shape (points, thresholds).
        best: which threshold each resample takes, shape (resamples,).
        weights: how often a resample holds a point, shape (resamples, points).
    """
    correlation = np.empty(len(weights))
    for index in np.unique(best):
        here = best == index
        weight = weights[here].astype(float)
        x, y = (_ranks(values, weight) for values in (predicted[:, index], test))
        n = weight.sum(axis=1)
        x, y = (r - ((weight * r).sum(axis=1) / n)[:, None] for r in (x, y))
        spreads = [_nan_if_constant((weight * r**2).sum(axis=1), n) for r in (x, y)]
        correlation[here] = (weight * x * y).sum(axis=1) / np.sqrt(spreads[0] * spreads[1])
    return correlation


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Return the rank of each point in each resample, the mean rank of those that are equal; (resamples, points)."""
    below = (values[:, None] < values).astype(float)
    equal = (values[:, None] == values).astype(float)
    return weights @ below + (weights @ equal + 1) / 2


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def interval(resampled: Floats | None, confidence: float) -> tuple[float, float, str]:
    """Return the percentile interval of the resampled values that are defined, and a remark on what is missing."""
    if resampled is None:
        return np.nan, np.nan, f"no interval: fewer than {FEWEST_RUNS} runs"
    defined = resampled[~np.isnan(resampled)]
    if not defined.size:
        return np.nan, np.nan, "no interval: undefined in every resample"
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    left_out = resampled.size - defined.size
    return low, high, f"undefined in {left_out} of {resampled.size} resamples" if left_out else ""


def _sum_by_run(run: ArrayLike, test: Floats, predicted: Floats) -> dict[str, Floats]:
    """Sum over the checkpoints of each run what the statistics of any resample of runs are made of.

    Returns:
        arrays of shape (runs, thresholds), or (runs, 1) for what does not depend on the threshold.
    """
    # Taken about a common centre, so that differences of sums keep their digits.
    y, x = (test - test.mean())[:, None], predicted - test.mean()
    codes, _ = pd.factorize(np.asarray(run))
    of_run = (codes == np.arange(codes.max() + 1)[:, None]).astype(float)
    terms = {"n": np.ones_like(y), "y": y, "yy": y**2, "x": x, "xx": x**2, "xy": x * y}
    terms |= {"squared_error": (y - x) ** 2, "absolute_error": np.abs(y - x)}
    return {name: of_run @ term for name, term in terms.items()}


def _estimate(sums: dict[str, Floats], thresholds: Floats, weights: NDArray) -> dict[str, Floats]:
    """Compute the statistics of every resample, in portions that bound the memory.

    Args:
        sums: from ``_sum_by_run``.
        thresholds: values of p; with a single one nothing is calibrated.
        weights: shape (resamples, runs), how often a resample holds a run.

    Returns:
        name of the statistic -> shape (resamples,).
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
    spread_of_predicted = _nan_if_constant(at_best["xx"] - at_best["x"] ** 2 / n, n)

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
    """Return a run's squared error about the line that fits the other runs of each resample best; NaN without others.

    Where the others' predictions do not vary, the line is flat.

    Args:
        total: sums over each resample.
        sums: sums by run.
        held: the resamples that hold the run.
        run: its index.
        index: which threshold each of these takes, shape (held,).
        weight: how often each of them holds the run, shape (held,).
    """

    def of_others(name: str) -> Floats:
        column = index if total[name].shape[1] > 1 else 0
        return total[name][held, column] - weight * sums[name][run, column]

    def of_run(name: str) -> Floats:
        return sums[name][run, index if sums[name].shape[1] > 1 else 0]

    n = of_others("n")
    n = np.where(n > 0, n, np.nan)
    x, y = of_others("x") / n, of_others("y") / n
    slope = (of_others("xy") - n * x * y) / _nan_if_constant(of_others("xx") - n * x**2, n)
    slope = np.where(np.isnan(slope), 0, slope)
    # Σ (y − a − b x)² over the run, with a = mean y − b mean x, from its sums.
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
    """Σ(test − mean test)² from sums; NaN where test accuracy is constant or there are no points."""
    n = np.maximum(total["n"], 1)
    return _nan_if_constant(total["yy"] - total["y"] ** 2 / n, n)


# --- ordinary least squares -----------------------------------------------------------------------------------------


def ols_summary(points: pd.DataFrame, predictor: Predictor) -> str:
    """Return statsmodels' summary of test accuracy ~ predictor; the same points give the same text."""
    result = _fit_ols(points, predictor)
    if result is None:
        return f"test_accuracy ~ {predictor}: undefined, as {predictor} does not vary over the checkpoints\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on tests of normality with few points
        text = result.summary(title=f"test_accuracy ~ {predictor}").as_text()
    # The time of the computation would make every copy of the text different.
    return re.sub(r"(?m)^(Date|Time):.*?(?=   (Prob|Log))", lambda match: " " * len(match.group()), text) + "\n"


def _ols_rows(
    points: pd.DataFrame, predictor: Predictor, confidence: float
) -> list[tuple[str, float, float, float, str]]:
    """Return (statistic, estimate, low, high, remark) of the intercept, the slope and R²."""
    names = {"ols_intercept": "intercept", "ols_slope": predictor}
    result = _fit_ols(points, predictor)
    if result is None:
        return [(name, np.nan, np.nan, np.nan, "undefined") for name in (*names, "ols_r_squared")]
    if points["run"].nunique() < FEWEST_RUNS:
        low, high, remark = (
            result.params * np.nan,
            result.params * np.nan,
            f"no interval: fewer than {FEWEST_RUNS} runs",
        )
    else:
        with np.errstate(invalid="ignore"):  # runs that are all alike: a variance of 0 may round to below 0
            (_, low), (_, high) = result.conf_int(alpha=1 - confidence).items()
        remark = "errors clustered by run"
    rows = [(name, result.params[term], low[term], high[term], remark) for name, term in names.items()]
    return [*rows, ("ols_r_squared", result.rsquared, np.nan, np.nan, "no interval: see squared_correlation")]


def _fit_ols(points: pd.DataFrame, predictor: Predictor) -> RegressionResults | None:
    """Fit test accuracy ~ 1 + predictor; None if the predictor does not vary.

    Errors are clustered by run and intervals use Student's t with (runs − 1) degrees of freedom. With too few runs for
    that they are statsmodels' ordinary ones, which the summary's "Covariance Type" says.
    """
    x = points[COLUMNS[predictor]].astype(float)
    if np.var(x) <= SMALLEST_VARIANCE:
        return None
    model = OLS(points["test_accuracy"].astype(float), pd.DataFrame({"intercept": 1.0, predictor: x}))
    if points["run"].nunique() < FEWEST_RUNS:
        return model.fit()
    codes, _ = pd.factorize(points["run"])
    return model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
