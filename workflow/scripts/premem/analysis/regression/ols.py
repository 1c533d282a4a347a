"""Ordinary least squares: test accuracy as a linear function of a predictor."""

import re
import warnings
from typing import Literal

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS, RegressionResults

from premem.analysis.regression.bootstrap import FEWEST_RUNS
from premem.analysis.regression.measures import SMALLEST_VARIANCE

Predictor = Literal["premem_accuracy", "train_accuracy"]

COLUMNS: dict[Predictor, str] = {"premem_accuracy": "predicted_test_accuracy", "train_accuracy": "train_accuracy"}
"""The column of ``points`` (see ``premem.analysis.regression``) with a predictor's prediction of test accuracy."""


def ols_summary(points: pd.DataFrame, predictor: Predictor) -> str:
    """Return statsmodels' summary of test accuracy ~ predictor. The same points always give the same text."""
    if points["test_accuracy"].isna().all():
        return f"test_accuracy ~ {predictor}: not fitted, as no test set has labels\n"
    result = _fit_ols(points, predictor)
    if result is None:
        return f"test_accuracy ~ {predictor}: undefined, as {predictor} does not vary over the checkpoints\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about tests of normality with few points
        text = result.summary(title=f"test_accuracy ~ {predictor}").as_text()
    # The summary holds the time of the computation, so it would be different each time.
    return re.sub(r"(?m)^(Date|Time):.*?(?=   (Prob|Log))", lambda match: " " * len(match.group()), text) + "\n"


def ols_rows(
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
        with np.errstate(invalid="ignore"):  # if all runs are alike, a variance of 0 may be rounded to less than 0
            (_, low), (_, high) = result.conf_int(alpha=1 - confidence).items()
        remark = "errors clustered by run"
    rows = [(name, result.params[term], low[term], high[term], remark) for name, term in names.items()]
    return [*rows, ("ols_r_squared", result.rsquared, np.nan, np.nan, "no interval: see squared_correlation")]


def _fit_ols(points: pd.DataFrame, predictor: Predictor) -> RegressionResults | None:
    """Fit test accuracy ~ 1 + predictor; None if the predictor does not vary.

    Errors are clustered by run, and intervals use Student's t with (runs − 1) degrees of freedom. With fewer than
    ``FEWEST_RUNS`` runs the errors are statsmodels' ordinary ones, as "Covariance Type" in the summary then says.
    """
    x = points[COLUMNS[predictor]].astype(float)
    if np.var(x) <= SMALLEST_VARIANCE:
        return None
    model = OLS(points["test_accuracy"].astype(float), pd.DataFrame({"intercept": 1.0, predictor: x}))
    if points["run"].nunique() < FEWEST_RUNS:
        return model.fit()
    codes, _ = pd.factorize(points["run"])
    return model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
