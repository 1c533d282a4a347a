"""What a predictor says about brittleness within a checkpoint: three slopes.

Each slope is per standard deviation of a predictor within checkpoints (for perplexity, of its logarithm), given the
other predictors of the set. Each regression has a constant for every checkpoint. Errors are clustered by example, since
answers to the same question resemble each other in all runs.

- ``still_right``: logit P(perturbed answer is right) = checkpoint + b x, a logistic regression. Whatever predicts
  accuracy also predicts it under perturbed prompts, so b says something about brittleness only among examples with the
  same unperturbed accuracy, such as the solved ones.
- ``interaction``: logit P(answer is right) = cell + β x + δ x · perturbed, over unperturbed and perturbed answers, with
  a constant for each cell (checkpoint × perturbed or not). δ says how much better x predicts an answer once the prompt
  is perturbed. It is 0 if all examples lose the same odds, and above 0 if examples with low x lose more. Checkpoints at
  which all unperturbed or all perturbed answers are right, or all are wrong, say nothing about lost odds and are left
  out. Unperturbed accuracy is an outcome here and not a control. As a control it would be noisy, since it is measured
  with a few samples, and x would get credit for what the noise hides. A perturbation may make answers depend on other
  things, which flattens the slope of every predictor of accuracy. A single δ is therefore often below 0, and the δ of
  one predictor given the others is what counts.
- ``drop_slope``: drop = checkpoint + b x, by least squares, in units of accuracy. It is below 0 if examples with low x
  lose more. An example that is never solved has nothing to lose, so this slope too is meant for examples with the same
  unperturbed accuracy.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import OLS

from premem.analysis.robustness.answers import ROUNDING, Floats, found_drop, stack, values_of

SLOPES = ("still_right", "interaction", "drop_slope")
LARGEST_COEFFICIENT = 20.0
"""A fit with a larger coefficient (log-odds per standard deviation) counts as one without a finite solution."""


def slopes(table: pd.DataFrame, predictors: Sequence[str], confidence: float) -> list[dict[str, object]]:
    """Fit the three regressions (see the top of this module).

    Args:
        table: a contrast (``premem.analysis.robustness.answers``).
        predictors: the predictors of a set, all in the same regression.
        confidence: of the intervals.

    Returns:
        predictor, statistic (of ``SLOPES``), estimate, low, high, note.
    """
    checkpoint = table.groupby(["run", "epoch"], observed=True).ngroup().to_numpy()
    example = pd.factorize(table["example_id"])[0]
    x = _within(checkpoint, values_of(table, predictors))
    spread = x.std(axis=0)
    if (spread < ROUNDING).any():
        return _undefined(predictors, SLOPES, "the predictor does not vary within a checkpoint")
    z = x / spread
    if np.linalg.matrix_rank(z, tol=1e-6 * len(z) ** 0.5) < len(predictors):
        return _undefined(predictors, SLOPES, "the predictors of the set are the same but for their scale")

    right, n, is_perturbed = stack(table)
    cell = 2 * np.tile(checkpoint, 2) + is_perturbed
    share = np.bincount(cell, right) / np.maximum(np.bincount(cell, n), 1)
    mixed = (share > 0) & (share < 1)
    twice = np.tile(z, (2, 1))
    found = []
    for statistic, terms, used in (
        ("still_right", twice, mixed[cell] & (is_perturbed == 1)),
        ("interaction", np.hstack([twice * is_perturbed[:, None], twice]), mixed[cell] & mixed[cell ^ 1]),
    ):
        if not used.any():
            found += _undefined(predictors, [statistic], "all answers of a checkpoint are right, or all wrong")
            continue
        cells = pd.get_dummies(cell[used]).to_numpy(dtype=float)
        fit = fit_binomial(right[used], n[used], np.hstack([terms[used], cells]), np.tile(example, 2)[used])
        if fit is None:
            found += _undefined(predictors, [statistic], "the regression has no finite solution")
        else:
            found += _rows(predictors, statistic, fit, confidence)
    if len(z) <= len(predictors) or np.ptp(example) == 0:
        return found + _undefined(predictors, ["drop_slope"], "too few examples")
    drop = _within(checkpoint, found_drop(table)[:, None])[:, 0]
    fit = OLS(drop, z).fit(cov_type="cluster", cov_kwds={"groups": example})
    return found + _rows(predictors, "drop_slope", fit, confidence)


def _within(checkpoint: NDArray[np.intp], values: Floats) -> Floats:
    """Return the differences from the mean of the checkpoint, shape (rows, columns)."""
    return values - pd.DataFrame(values).groupby(checkpoint).transform("mean").to_numpy()


def _rows(predictors: Sequence[str], statistic: str, fit: Any, confidence: float) -> list[dict[str, object]]:
    bounds = fit.conf_int(1 - confidence)
    return [
        {"predictor": name, "statistic": statistic, "estimate": fit.params[i], "low": low, "high": high}
        for i, (name, (low, high)) in enumerate(zip(predictors, bounds, strict=False))
    ]


def _undefined(predictors: Sequence[str], statistics: Sequence[str], why: str) -> list[dict[str, object]]:
    return [
        {"predictor": name, "statistic": statistic, "note": f"undefined: {why}"}
        for statistic in statistics
        for name in predictors
    ]


def fit_binomial(right: Floats, n: Floats, design: Floats, groups: NDArray | None = None) -> Any:
    """Fit a logistic regression to numbers of right answers.

    Args:
        right: right answers, shape (rows,).
        n: all answers, shape (rows,).
        design: shape (rows, coefficients).
        groups: errors are clustered by these, shape (rows,); None for ordinary errors.

    Returns:
        statsmodels' results; None if there is no finite solution.
    """
    if len(design) <= design.shape[1] or (groups is not None and np.ptp(groups) == 0):
        return None
    model = GLM(np.column_stack([right, n - right]), design, family=Binomial())
    clustered = {} if groups is None else {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            fit = model.fit(**clustered)
    except (np.linalg.LinAlgError, ValueError):
        return None
    if not fit.converged or not np.isfinite(fit.params).all() or np.abs(fit.params).max() > LARGEST_COEFFICIENT:
        return None
    return fit
