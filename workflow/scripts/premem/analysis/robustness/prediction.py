"""Predicting which examples are brittle: the drop of every example of a run, from the other runs.

logit P(answer is right) = a + b x + perturbed (c + d x) is fitted on all runs except one, without constants for
checkpoints. It predicts the drop of each example of the run that was left out, P(unperturbed) − P(perturbed). The
correlation of predicted and measured drops says how well the brittle examples of a new training can be found. It stays
well below 1, since a measured drop is the difference of a few samples.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from premem.analysis.regression.bootstrap import FEWEST_RUNS, interval
from premem.analysis.robustness import ALL, MEASURED, PREDICTOR_SETS
from premem.analysis.robustness.answers import (
    KEYS,
    ROUNDING,
    Floats,
    contrast,
    found_drop,
    predictors_of,
    stack,
    values_of,
)
from premem.analysis.robustness.bins import draws_of
from premem.analysis.robustness.slopes import fit_binomial
from premem.config.statistics import Statistics


class DropRegression:
    """Predicts how much accuracy an example loses: logit P = a + b x + perturbed (c + d x), fitted to a contrast.

    Args:
        table: the contrast (``premem.analysis.robustness.answers``).
        predictors: the predictors x.
    """

    def __init__(self, table: pd.DataFrame, predictors: Sequence[str]) -> None:
        self.predictors = predictors
        x = values_of(table, predictors)
        self.centre, self.scale = x.mean(axis=0), np.maximum(x.std(axis=0), ROUNDING)
        right, n, is_perturbed = stack(table)
        design = np.vstack([self._design(x, 0), self._design(x, 1)])
        varies = all(0 < right[is_perturbed == arm].sum() < n[is_perturbed == arm].sum() for arm in (0, 1))
        fit = fit_binomial(right, n, design) if varies else None
        self.coefficients: Floats | None = None if fit is None else fit.params

    def _design(self, x: Floats, is_perturbed: int) -> Floats:
        z = np.column_stack([np.ones(len(x)), (x - self.centre) / self.scale])
        return np.hstack([z, z * is_perturbed])

    def predict(self, table: pd.DataFrame) -> Floats:
        """Return the expected drop of every row; NaN if the regression could not be fitted."""
        if self.coefficients is None:
            return np.full(len(table), np.nan)
        x = values_of(table, self.predictors)
        before, after = (expit(self._design(x, arm) @ self.coefficients) for arm in (0, 1))
        return before - after


def drop_correlations(table: pd.DataFrame, predictors: Sequence[str]) -> "pd.Series[float]":
    """Correlate predicted and measured drops within each run, with a regression fitted on the other runs.

    Returns:
        run → correlation over its examples and checkpoints. It is 0 if all predicted drops are equal. It is NaN if all
        measured drops are equal, or if the regression cannot be fitted on the other runs.
    """
    found = found_drop(table)
    correlations = {}
    for run in sorted(table["run"].unique()):
        held = (table["run"] == run).to_numpy()
        here, predicted = found[held], np.full(held.sum(), np.nan)
        if not held.all():
            predicted = DropRegression(table[~held], predictors).predict(table[held])
        if np.isnan(predicted).any() or here.std() < ROUNDING:
            correlations[run] = np.nan
        else:
            correlations[run] = 0.0 if predicted.std() < ROUNDING else float(np.corrcoef(predicted, here)[0, 1])
    return pd.Series(correlations, dtype=float)


def mean_over_runs(of_runs: "pd.Series[float]", statistics: Statistics) -> dict[str, object]:
    """Return estimate, low, high and note of the mean over runs, with an interval from resampled runs."""
    values = of_runs.dropna().to_numpy()
    if not values.size:
        return {"note": "undefined: no other runs to fit to, or nothing varies"}
    resampled = None
    if values.size >= FEWEST_RUNS:
        draws = draws_of(values.size, statistics)
        resampled = draws @ values / values.size
    low, high, note = interval(resampled, statistics.confidence)
    left_out = of_runs.size - values.size
    notes = [note, f"undefined in {left_out} of {of_runs.size} runs" if left_out else ""]
    return {"estimate": values.mean(), "low": low, "high": high, "note": "; ".join(filter(None, notes))}


def best_predictor_set(regression: pd.DataFrame) -> str:
    """Return the predictor set with the best correlation of predicted and measured drops.

    The correlation is over all examples and perturbations. Sets with labels are not considered, since labels may be
    missing and every example should have a prediction.

    Args:
        regression: see ``premem.analysis.robustness.regression``.
    """
    rows = regression.query("examples == 'all' and perturbation == @ALL and statistic == 'drop_correlation'")
    unlabelled = [name for name, predictors in PREDICTOR_SETS["all"].items() if set(predictors) <= set(MEASURED)]
    known = rows[rows["predictor_set"].isin(unlabelled)].dropna(subset="estimate")
    return "together" if known.empty else str(known.loc[known["estimate"].idxmax(), "predictor_set"])


def predict_drops(answers: pd.DataFrame, memorization: pd.DataFrame, p: float, predictor_set: str) -> pd.DataFrame:
    """Predict for every example at every checkpoint how much accuracy it loses under the perturbations.

    Args:
        answers: see ``premem.analysis.robustness.answers``; the regression is fitted to all of them.
        memorization: see ``premem.scoring.scores``.
        p: the threshold.
        predictor_set: a set of predictors for all examples.

    Returns:
        run, epoch, example_id, predicted_drop (NaN if the regression could not be fitted).
    """
    fitted = DropRegression(contrast(answers, ALL), PREDICTOR_SETS["all"][predictor_set])
    where = predictors_of(memorization, p)
    return where[KEYS].assign(predicted_drop=fitted.predict(where))
