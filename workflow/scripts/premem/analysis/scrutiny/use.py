"""Questions of whoever has no test set: how good is the forecast, do its intervals hold, which checkpoint is chosen?"""

from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.analysis.conformal import conformal_quantile, fewest_runs, scores_of_runs
from premem.analysis.forecast import forecast_table
from premem.analysis.regression.bootstrap import FEWEST_RUNS
from premem.analysis.scrutiny.common import (
    DRAWS,
    Context,
    Floats,
    Points,
    Row,
    judged,
    least_error,
    missing,
    of_largest_size,
    place,
    predict_held_out,
)
from premem.scoring.scores import RunScores

Runs = Sequence[RunScores]

ERRORS = ("r_squared", "mean_absolute_error")
SET = 5
"""Runs of a random set from which a checkpoint is chosen."""
PREMEM, FORECAST, HOLDOUT = "premem accuracy", "forecast", "held-out accuracy"


def _forecast(runs: Runs, points: Points, context: Context) -> tuple[float, pd.DataFrame] | None:
    """Forecast every checkpoint without test labels, in the order of the points; None where a run holds out nothing."""
    if any(not run.unseen_accuracy.shape[1] for run in runs):
        return None
    held_out = np.concatenate([run.mean_unseen_accuracy for run in runs])
    p = float(points.thresholds[int(least_error(held_out, points.predicted))])
    table = forecast_table(runs, p, context.statistics.coverage).set_index(["run", "epoch"])
    keys = [(runs[run].run, epoch) for run, epoch in zip(points.run, points.epoch, strict=True)]
    return p, table.loc[keys].reset_index()


def forecast(runs: Runs, context: Context) -> Iterator[Row]:
    """Judge the forecast on test accuracies that neither p nor the forecast has seen, beside each of its two parts."""
    points = place(runs, context.grid)
    made = _forecast(runs, points, context)
    if made is None:
        yield missing("not every run holds out training examples (holdout)")
        return
    p, table = made
    unseen = "p from held-out examples; no test label used"
    for variant, column, note in (
        (FORECAST, "forecast", unseen),
        (HOLDOUT, "holdout_accuracy", "no p"),
        (PREMEM, "predicted_test_accuracy", unseen),
    ):
        at_p = points.predict_with(table[column].to_numpy(dtype=float), p)
        yield from judged(variant, at_p, context, note, ERRORS)
    yield Row(PREMEM, "threshold", p, **points.counts, note=unseen)
    half = ((table["high"] - table["low"]) / 2).to_numpy(dtype=float)
    if np.isnan(half).all():
        yield Row("intervals", "", note=f"intervals need {fewest_runs(context.statistics.coverage)} runs")
        return
    error = np.abs(table["forecast"].to_numpy(dtype=float) - points.test)
    nominal = f"nominal: {context.statistics.coverage:.0%} of whole runs"
    yield from _coverage("intervals", error <= half, half, points, nominal)
    # A test accuracy is a sample too: what is compared is off by the noise of both.
    noise = np.concatenate([run.test_accuracy.var(axis=1) / run.test_accuracy.shape[1] for run in runs])
    wider = np.sqrt(half**2 + NormalDist().inv_cdf((1 + context.statistics.coverage) / 2) ** 2 * noise)
    yield from _coverage("intervals, with the test set's own noise", error <= wider, wider, points, nominal)


def _coverage(variant: str, covered: NDArray[np.bool_], half: Floats, points: Points, note: str) -> Iterator[Row]:
    by_run = pd.Series(covered).groupby(points.run).all()
    yield Row(variant, "checkpoints_covered", float(np.mean(covered)), **points.counts, note=note)
    yield Row(variant, "runs_covered", float(by_run.mean()), **points.counts, note=note)
    yield Row(variant, "mean_half_width", float(np.mean(half)), **points.counts, note=note)


def intervals(runs: Runs, context: Context) -> Iterator[Row]:
    """Check conformal intervals from the test labels of other runs: each run's from all runs but itself."""
    points, needed = place(runs, context.grid), fewest_runs(context.statistics.coverage)
    if len(runs) - 1 < needed:
        yield missing(f"an interval from other runs needs {needed} of them, so {needed + 1} runs")
        return
    residual = predict_held_out(points) - points.test
    nominal = f"nominal: {context.statistics.coverage:.0%} of whole runs"
    for variant, by_run in (("a run's largest residual as its score", True), ("every checkpoint as a score", False)):
        half = np.empty(len(residual))
        for run in np.unique(points.run):
            held = points.run == run
            keys = points.run[~held].tolist() if by_run else list(range(int((~held).sum())))
            half[held] = conformal_quantile(scores_of_runs(keys, residual[~held]), context.statistics.coverage)
        yield from _coverage(variant, np.abs(residual) <= half, half, points, nominal)


def regret(runs: Runs, context: Context) -> Iterator[Row]:
    """Say how much test accuracy is lost by choosing a checkpoint by each rule, against the best there was."""
    points = place(runs, context.grid)
    made = _forecast(runs, points, context)
    held_out = predict_held_out(points) if len(runs) > 1 else np.full(len(points.run), np.nan)
    rules: dict[str, Floats] = {}
    if made is not None:
        rules |= {
            FORECAST: made[1]["forecast"].to_numpy(dtype=float),
            HOLDOUT: made[1]["holdout_accuracy"].to_numpy(dtype=float),
            PREMEM: made[1]["predicted_test_accuracy"].to_numpy(dtype=float),
        }
    elif not np.isnan(held_out).any():
        rules[PREMEM] = held_out
    loss = np.concatenate([np.log(run.perplexity).mean(axis=1) for run in runs])
    rules |= {"highest train accuracy": points.train, "least training loss": -loss}
    notes = {PREMEM: "p from held-out examples" if made is not None else "p calibrated without the run"}
    full = np.unique(points.run[of_largest_size(runs, points)])
    everything = np.unique(points.run)
    for rule, score in rules.items():
        note = notes.get(rule, "")
        yield _with_interval("whole sweep", rule, points, score, everything, context, note)
        within = np.array([_lost(points, score, np.array([run])) for run in everything])
        low, high = _interval_of_mean(within, context)
        yield Row(f"within a run: {rule}", "regret", float(within.mean()), low, high, **points.counts, note=note)
        if len(everything) > SET:
            random = context.random()
            sets = [random.choice(everything, SET, replace=False) for _ in range(DRAWS)]
            lost = np.array([_lost(points, score, chosen) for chosen in sets])
            _, low, high = context.range_of(lost)
            said = f"mean and range over {DRAWS} random sets of {SET} runs" + (f"; {note}" if note else "")
            yield Row(f"{SET} random runs: {rule}", "regret", float(lost.mean()), low, high, **points.counts, note=said)
        if 1 < len(full) < len(everything):
            yield _with_interval("largest size", rule, points, score, full, context, note)
    yield from _last(points, everything, full, context)


def _last(points: Points, everything: NDArray[np.int64], full: NDArray[np.int64], context: Context) -> Iterator[Row]:
    """The last checkpoint of a random run."""
    rule = "last checkpoint of a random run"
    for scope, of in (("whole sweep", everything), ("largest size", full)):
        if scope == "largest size" and not 1 < len(of) < len(everything):
            continue
        here = points.of_runs(of)
        lost = here.test.max() - here.test[here.last]
        low, high = _interval_of_mean(lost, context)
        yield Row(f"{scope}: {rule}", "regret", float(lost.mean()), low, high, **here.counts)
    within = np.array([_lost(points, points.epoch.astype(float), np.array([run])) for run in everything])
    low, high = _interval_of_mean(within, context)
    yield Row("within a run: last checkpoint", "regret", float(within.mean()), low, high, **points.counts)


def _lost(points: Points, score: Floats, runs: NDArray[np.int64]) -> float:
    """Return the test accuracy lost by the checkpoint with the highest score among these runs; ties take the mean."""
    here = np.isin(points.run, runs)
    chosen = here & (score == score[here].max())
    return float(points.test[here].max() - points.test[chosen].mean())


def _with_interval(
    scope: str, rule: str, points: Points, score: Floats, runs: NDArray[np.int64], context: Context, note: str
) -> Row:
    """Return a rule's regret among these runs, with an interval from resampled runs."""
    low = high = np.nan
    if len(runs) >= FEWEST_RUNS:
        random = context.random()
        draws = [_lost(points, score, random.choice(runs, len(runs))) for _ in range(DRAWS)]
        _, low, high = context.range_of(draws)
    counts = points.of_runs(runs).counts
    return Row(f"{scope}: {rule}", "regret", _lost(points, score, runs), low, high, **counts, note=note)


def _interval_of_mean(values: Floats, context: Context) -> tuple[float, float]:
    if len(values) < FEWEST_RUNS:
        return np.nan, np.nan
    draws = context.random().choice(values, (context.statistics.resamples, len(values))).mean(axis=1)
    _, low, high = context.range_of(draws)
    return low, high
