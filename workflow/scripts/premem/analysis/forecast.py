"""The forecast: test accuracy of every checkpoint, predicted without test labels, and how far to trust it.

A run that holds out training examples gives two estimates of its accuracy on new examples. Accuracy on the held-out
examples is unbiased and noisy. Pre-memorization train accuracy has little noise and a bias. The forecast is their mean,
weighted by precision (the inverse of the variance). Without held-out examples it is premem accuracy alone.

Premem accuracy's variance is measured by how far it lies from the held-out accuracies of all checkpoints, less what
the noise of these explains. Intervals are conformal over runs (``premem.analysis.conformal``). Residuals are divided by
their standard deviation first, and the interval takes the standard deviation of the better of the two parts. That of
their mean is smaller, but only if the errors of the two are independent, and its intervals covered too few runs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from premem.analysis.conformal import Floats, conformal_quantile, fewest_runs, scores_of_runs
from premem.scoring.scores import RUN_COLUMNS, RunScores, place_points

LEAST_DEVIATION = 0.01
"""Premem accuracy is never taken to be more precise than this (a standard deviation), however well it fits."""


def forecast_table(
    runs: Sequence[RunScores], p: float, coverage: float, predicted: Floats | None = None
) -> pd.DataFrame:
    """Forecast the test accuracy of every checkpoint, best first.

    Args:
        runs: the scores of a pair.
        p: the threshold.
        coverage: share of whole runs that the intervals are meant to cover.
        predicted: premem accuracy of every checkpoint in the order of ``runs``, shape (checkpoints,), where it is not
            that at p: with labels, each run has the p of the other runs.

    Returns:
        run, lr, epochs, size, seed, epoch, forecast, low, high (NaN where there is no interval),
        predicted_test_accuracy (premem accuracy), holdout_accuracy, holdout_low, holdout_high (Wilson's interval of
        the same coverage), n_holdout, train_accuracy, share_memorized; test_accuracy, test_low, test_high (its interval
        likewise) and n_test, which are NaN or 0 without labels.
    """
    table = place_points(runs, p).rename(columns={"n": "n_train"})
    if predicted is not None:
        table["predicted_test_accuracy"] = predicted
    premem = table["predicted_test_accuracy"].to_numpy(dtype=float)
    table["share_memorized"] = np.concatenate([(run.perplexity <= p).mean(axis=1) for run in runs])
    holdout = np.concatenate([run.mean_unseen_accuracy for run in runs])
    noise = np.concatenate([_variance_of_mean(run.unseen_accuracy) for run in runs])
    table["holdout_accuracy"] = holdout
    table["n_holdout"] = np.concatenate([[run.unseen_accuracy.shape[1]] * len(run.checkpoint_epochs) for run in runs])
    table["holdout_low"], table["holdout_high"] = _wilson(holdout, table["n_holdout"].to_numpy(), coverage)
    tested = [run.test_accuracy.shape[1] * int(np.isfinite(run.test_accuracy).all()) for run in runs]
    table["n_test"] = np.repeat(tested, [len(run.checkpoint_epochs) for run in runs])
    test = table["test_accuracy"].to_numpy(dtype=float)
    table["test_low"], table["test_high"] = _wilson(test, table["n_test"].to_numpy(), coverage)
    if np.isfinite(holdout).all():
        own = max(float(np.mean((premem - holdout) ** 2 - noise)), LEAST_DEVIATION**2)
        forecast = (noise * premem + own * holdout) / (noise + own)
        scores = scores_of_runs(table["run"].tolist(), (premem - holdout) / np.sqrt(own + noise))
        half = conformal_quantile(scores, coverage) * np.sqrt(np.minimum(own, noise))
    else:
        forecast = premem
        # Residuals of test accuracies, where they are known; NaN otherwise.
        scores = scores_of_runs(table["run"].tolist(), premem - table["test_accuracy"].to_numpy(dtype=float))
        half = np.full(len(table), conformal_quantile(scores, coverage))
    table["forecast"] = forecast
    table["low"], table["high"] = np.clip(forecast - half, 0, 1), np.clip(forecast + half, 0, 1)
    columns = [
        *(*RUN_COLUMNS, "epoch", "forecast", "low", "high", "predicted_test_accuracy"),
        *("holdout_accuracy", "holdout_low", "holdout_high", "n_holdout", "train_accuracy", "share_memorized"),
        *("test_accuracy", "test_low", "test_high", "n_test"),
    ]
    # Of equal forecasts, the run that memorized less comes first.
    return table.sort_values(["forecast", "share_memorized", "run", "epoch"], ascending=[False, True, True, True])[
        columns
    ].reset_index(drop=True)


def why_no_interval(table: pd.DataFrame, coverage: float) -> str:
    """Say why a forecast has no interval, and what would give one; nothing if it has one.

    Args:
        table: from ``forecast_table``.
        coverage: as there.
    """
    if table["low"].notna().any():
        return ""
    runs, needed = table["run"].nunique(), fewest_runs(coverage)
    if table["holdout_accuracy"].isna().any() and table["test_accuracy"].isna().all():
        return "there is nothing to compare predictions with; hold out training examples (`holdout: 128`)"
    return f"an interval that covers {coverage:.0%} of runs needs {needed} runs, and there are {runs}; train more runs"


def _variance_of_mean(accuracy: Floats) -> Floats:
    """Return the variance of the mean over examples, shape (checkpoints,); NaN without examples.

    It is never below that of one example in all, as no number of equal answers makes an accuracy certain.

    Args:
        accuracy: shape (checkpoints, examples).
    """
    n = accuracy.shape[1]
    if n == 0:
        return np.full(len(accuracy), np.nan)
    of_sample = accuracy.var(axis=1, ddof=1) / n if n > 1 else np.ones(len(accuracy))
    return np.maximum(of_sample, 1 / n**2)


def _wilson(accuracy: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return Wilson's interval of a share of n; answers to one example are taken for one answer, which widens it."""
    bounds = [
        (np.nan, np.nan)
        if np.isnan(share)
        else binomtest(round(share * number), int(number)).proportion_ci(confidence, "wilson")
        for share, number in zip(accuracy, n, strict=True)
    ]
    low, high = zip(*bounds, strict=True)
    return np.array(low, dtype=float), np.array(high, dtype=float)
