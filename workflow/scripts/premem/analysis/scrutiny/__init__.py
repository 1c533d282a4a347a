"""Scrutiny: questions that reviewers ask about the prediction of test accuracy, answered from the runs of a study.

Every question is a function that turns the runs and a ``Context`` into rows, and ``scrutinize`` asks all of them. R² is
always about y = x. Intervals resample runs unless a row's note says otherwise.
"""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from premem.analysis.scrutiny.choice_of_p import calibration, labels, rule, threshold, transfer, unseen
from premem.analysis.scrutiny.common import Context, Row, as_table
from premem.analysis.scrutiny.formula import checkpoints, early, formula, placebo, points, samples
from premem.analysis.scrutiny.subsets_of_runs import differences, groups
from premem.analysis.scrutiny.use import forecast, intervals, regret
from premem.scoring.scores import RunScores

QUESTIONS: dict[str, Callable[[Sequence[RunScores], Context], Iterator[Row]]] = {
    "forecast": forecast,
    "intervals": intervals,
    "regret": regret,
    "points": points,
    "differences": differences,
    "groups": groups,
    "rule": rule,
    "threshold": threshold,
    "calibration": calibration,
    "transfer": transfer,
    "placebo": placebo,
    "formula": formula,
    "labels": labels,
    "unseen": unseen,
    "samples": samples,
    "checkpoints": checkpoints,
    "early": early,
}


def ask(question: str, runs: Sequence[RunScores], context: Context) -> pd.DataFrame:
    """Answer one question.

    Returns:
        question, variant, x, statistic, estimate, low, high, n_points, n_runs, note. x is the quantity that the variant
        is plotted against, or NaN. If data are missing, the note of a row without a statistic says which.
    """
    runs = sorted(runs, key=lambda run: run.run)  # so that a resample holds the same runs as in ``regression_table``
    return as_table(question, QUESTIONS[question](runs, context))


def scrutinize(runs: Sequence[RunScores], context: Context) -> pd.DataFrame:
    """Answer all questions; columns as in ``ask``."""
    return pd.concat([ask(question, runs, context) for question in QUESTIONS], ignore_index=True)
