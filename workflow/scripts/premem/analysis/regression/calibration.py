"""Choosing the threshold p: on all runs, or for each run on the other runs."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.analysis.regression.measures import Floats, mean_absolute_error, r_squared, squared_correlation
from premem.base.errors import UserError
from premem.config.statistics import Grid

TIE = 1e-9
"""Values of R² that are this close differ only by rounding."""


def threshold_grid(grid: Grid) -> Floats:
    """Return values of p spaced evenly in log(log p), from ``start`` to ``stop``."""
    start, stop = np.log(np.log([grid.start, grid.stop]))
    return np.exp(np.exp(np.linspace(start, stop, grid.points)))


def calibrate(curves: pd.DataFrame) -> pd.DataFrame:
    """Judge every threshold.

    Args:
        curves: see ``premem.analysis.regression``.

    Returns:
        threshold, r_squared, squared_correlation, mean_absolute_error; a row per threshold.
    """
    _, test, thresholds, predicted = unstack(curves)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "r_squared": r_squared(test, predicted.T),
            "squared_correlation": squared_correlation(test, predicted.T),
            "mean_absolute_error": mean_absolute_error(test, predicted.T),
        }
    )


def best_threshold(calibration: pd.DataFrame) -> float:
    """Return the threshold with the best R²; if several in a row are equally good, the middle one.

    R² is undefined if test accuracy is the same at every checkpoint. The least mean absolute error then decides.

    Args:
        calibration: from ``calibrate``.
    """
    index, found = best_index(calibration["r_squared"].to_numpy())
    if not found:
        index, _ = best_index(-calibration["mean_absolute_error"].to_numpy())
    return float(calibration["threshold"].iloc[int(index)])


def leave_one_run_out(curves: pd.DataFrame) -> pd.DataFrame:
    """Predict every run with the p that is best for the other runs.

    Args:
        curves: see ``premem.analysis.regression``.

    Returns:
        run, epoch, threshold_without_run, predicted_without_run. The last two are NaN where p cannot be calibrated on
        the other runs, because there are none or their test accuracy does not vary.
    """
    keys, test, thresholds, predicted = unstack(curves)
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


def unstack(curves: pd.DataFrame) -> tuple[pd.DataFrame, Floats, Floats, Floats]:
    """Return keys (run, epoch), test (points,), thresholds (thresholds,) and predicted (points, thresholds).

    Raises:
        UserError: if a prediction is missing.
    """
    wide = curves.pivot(index=["run", "epoch"], columns="threshold", values="predicted_test_accuracy")
    if wide.isna().to_numpy().any():
        run, epoch = wide.index[wide.isna().any(axis=1)][0]
        raise UserError(
            f"run {run}, epoch {epoch}: predictions are missing for some thresholds, so its curve belongs to another "
            "grid; delete that run's curve and run again"
        )
    test = curves.groupby(["run", "epoch"])["test_accuracy"].first().loc[wide.index]
    keys = wide.index.to_frame(index=False)
    return keys, test.to_numpy(dtype=float), wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float)


def best_index(r2: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the index of the largest value along the last axis, and whether there is one.

    If several in a row are equally large, the index is that of the middle one. With a single threshold there is nothing
    to choose, so its index is right even where R² is undefined.
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
