"""How much better premem accuracy predicts than train accuracy: R² of one minus R² of the other, by resample of runs.

Two intervals that overlap do not say whether two values differ, since both predictors are judged on the same runs. In
the difference, what a resample does to both cancels out.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from premem.analysis.regression.bootstrap import interval, join_notes, resample
from premem.config.statistics import Statistics

DIFFERENCES = {
    "r_squared": "difference_of_r_squared",
    "r_squared_leave_one_run_out": "difference_of_r_squared_leave_one_run_out",
}
"""The statistics of premem accuracy from which R² of train accuracy is subtracted → the names of the differences."""


def differences_of_r_squared(
    run: ArrayLike,
    test: ArrayLike,
    predicted: ArrayLike,
    train: ArrayLike,
    thresholds: ArrayLike,
    statistics: Statistics,
) -> pd.DataFrame:
    """Subtract R² of train accuracy from R² of premem accuracy.

    Args:
        run, test, predicted, thresholds, statistics: as for ``judge``, with the predictions of premem accuracy.
        train: train accuracies, shape (points,).

    Returns:
        statistic, estimate, low, high, note; a row for each of ``DIFFERENCES``. The one with p calibrated without the
        run is there only with several thresholds.
    """
    own, of_resample = resample(run, test, predicted, thresholds, statistics)
    other, of_same_resample = resample(run, test, np.asarray(train)[:, None], [np.nan], statistics)
    rows = []
    for statistic, name in DIFFERENCES.items():
        held_out = "leave_one_run_out" in statistic
        if held_out and np.size(thresholds) == 1:
            continue
        drawn = of_resample[statistic] - of_same_resample["r_squared"] if of_resample else None
        low, high, remark = interval(drawn, statistics.confidence)
        note = join_notes(
            "p calibrated without the run" if held_out else "",
            "minus R² of train accuracy in the same resample",
            remark,
        )
        rows.append((name, own[statistic] - other["r_squared"], low, high, note))
    return pd.DataFrame(rows, columns=["statistic", "estimate", "low", "high", "note"])
