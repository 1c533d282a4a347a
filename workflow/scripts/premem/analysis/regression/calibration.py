"""Choosing the threshold p: on all runs, or for each run on the other runs."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.analysis.regression.measures import Floats, mean_absolute_error, r_squared, squared_correlation
from premem.base.errors import UserError
from premem.config.statistics import Grid, Threshold, ThresholdSource
from premem.scoring.threshold import ChosenThreshold

NEAR = 0.05
"""An R² at most this far below the best counts as near it."""
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
        threshold, r_squared, squared_correlation, mean_absolute_error; a row per threshold. The columns
        r_squared_unseen and mean_absolute_error_unseen are about the accuracy on training examples that the runs did
        not train on, over the checkpoints of runs that have such. Columns are NaN where there is nothing to judge with.
    """
    keys, test, thresholds, predicted = unstack(curves)
    found = {
        "threshold": thresholds,
        "r_squared": r_squared(test, predicted.T),
        "squared_correlation": squared_correlation(test, predicted.T),
        "mean_absolute_error": mean_absolute_error(test, predicted.T),
    }
    by_checkpoint = curves.groupby(["run", "epoch"])["unseen_accuracy"].first()
    unseen = by_checkpoint.loc[pd.MultiIndex.from_frame(keys)].to_numpy(dtype=float)
    known = ~np.isnan(unseen)
    r2, error = (
        measure(unseen[known], predicted[known].T) if known.any() else np.full(len(thresholds), np.nan)
        for measure in (r_squared, mean_absolute_error)
    )
    return pd.DataFrame({**found, "r_squared_unseen": r2, "mean_absolute_error_unseen": error})


def choose_threshold(
    settings: Threshold,
    source: ThresholdSource,
    calibration: pd.DataFrame | None,
    memorization: pd.DataFrame | None,
    other: ChosenThreshold | None,
    pair: str,
) -> ChosenThreshold:
    """Return p, from where the study says that it comes.

    Args:
        settings: of the study.
        source: where p comes from.
        calibration: from ``calibrate``, for ``test`` and ``unseen``.
        memorization: of all runs (``premem.scoring.scores``), for ``quantile``.
        other: what another study chose, for ``study``.
        pair: names the pair in messages.

    Raises:
        UserError: if the data do not allow it.
    """
    if source == "value":
        assert settings.value is not None
        return ChosenThreshold(settings.value, source)
    if source == "study":
        assert other is not None
        return ChosenThreshold(other.threshold, source, other.lowest, other.highest)
    advice = "hold out examples of the training set (datasets.….holdout), or give threshold.value or threshold.study"
    if source == "quantile":
        assert memorization is not None
        unseen = memorization[~memorization["trained_on"].astype(bool)]
        if unseen.empty:
            raise UserError(f"threshold.source: no run of {pair} measured examples that it did not train on; {advice}")
        p = float(unseen["perplexity"].quantile(settings.quantile))
        if p <= 1:
            raise UserError(
                f"threshold.quantile: of unseen examples of {pair}, {settings.quantile:.1%} have a perplexity of 1, so "
                "that nothing would count as memorized; raise the quantile"
            )
        return ChosenThreshold(p, source)
    assert calibration is not None
    about: Literal["", "_unseen"] = "" if source == "test" else "_unseen"
    r2 = calibration[f"r_squared{about}"]
    if calibration[f"mean_absolute_error{about}"].isna().all():
        lacking = "no test set has labels" if source == "test" else "no run has examples that it did not train on"
        raise UserError(f"threshold.source: p of {pair} cannot come from {source}, since {lacking}; {advice}")
    p = best_threshold(calibration, about)
    near = calibration["threshold"][r2 >= r2.max() - NEAR]
    return ChosenThreshold(p, source, *((float(near.min()), float(near.max())) if len(near) else (None, None)))


def best_threshold(calibration: pd.DataFrame, about: Literal["", "_unseen"] = "") -> float:
    """Return the threshold with the best R²; if several in a row are equally good, the middle one.

    R² is undefined if accuracy is the same at every checkpoint. The least mean absolute error then decides.

    Args:
        calibration: from ``calibrate``.
        about: the ending of the columns that judge.
    """
    index, found = best_index(calibration[f"r_squared{about}"].to_numpy(dtype=float))
    if not found:
        index, _ = best_index(-calibration[f"mean_absolute_error{about}"].to_numpy(dtype=float))
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
