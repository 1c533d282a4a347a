"""The table that says how well each predictor predicts test accuracy."""

import numpy as np
import pandas as pd

from premem.analysis.regression.bootstrap import join_notes, judge
from premem.analysis.regression.calibration import unstack
from premem.analysis.regression.difference import differences_of_r_squared
from premem.analysis.regression.ols import COLUMNS, ols_rows
from premem.config.statistics import Statistics
from premem.scoring.threshold import ChosenThreshold


def regression_table(
    points: pd.DataFrame, curves: pd.DataFrame, statistics: Statistics, chosen: ChosenThreshold
) -> pd.DataFrame:
    """Sum up how well each predictor predicts test accuracy.

    Intervals of the OLS coefficients come from errors clustered by run. All other intervals are percentile bootstraps
    over runs. Where p is tuned on the test accuracies, it is so anew in every resample. A resample may hold a run
    several times; where a run is left out, all its copies are. Resamples in which a statistic is undefined are left
    out.

    Args:
        points: one row per checkpoint (see ``premem.analysis.regression``), with the predictions at the study's p.
        curves: the same checkpoints over the grid of p; read only if p is tuned on them.
        statistics: number of resamples, confidence, seed.
        chosen: p, and where it comes from.

    Returns:
        predictor, statistic, estimate, low, high, note. Low and high are NaN where there is no interval. Without test
        accuracies, the only row is that of the threshold.

    Raises:
        ValueError: if points and curves hold different numbers of checkpoints.
    """
    points = points.sort_values(["run", "epoch"])  # so that a resample holds the same runs for every predictor
    if points["test_accuracy"].isna().all():
        row = ("premem_accuracy", "threshold", chosen.threshold, np.nan, np.nan, chosen.note)
        return pd.DataFrame([row], columns=["predictor", "statistic", "estimate", "low", "high", "note"])
    tables = []
    for predictor, column in COLUMNS.items():
        if predictor == "premem_accuracy" and not chosen.fixed:
            keys, test, thresholds, predicted = unstack(curves)
            if len(keys) != len(points):
                raise ValueError(f"points and curves differ: {len(points)} and {len(keys)} checkpoints")
            run, note = keys["run"], chosen.note
        else:
            run, test = points["run"], points["test_accuracy"].to_numpy(dtype=float)
            predicted = points[[column]].to_numpy(dtype=float)
            thresholds = np.array([chosen.threshold])
            note = chosen.note if predictor == "premem_accuracy" else ""
        judged = judge(run, test, predicted, thresholds, statistics)
        if predictor == "train_accuracy":
            judged = judged[judged["statistic"] != "threshold"]
        else:
            train = points["train_accuracy"].to_numpy(dtype=float)
            compared = differences_of_r_squared(run, test, predicted, train, thresholds, statistics)
            judged = pd.concat([judged, compared], ignore_index=True)
        ols = pd.DataFrame(ols_rows(points, predictor, statistics.confidence), columns=judged.columns)
        tuned = ~judged["statistic"].str.endswith("leave_one_run_out")
        judged.loc[tuned, "note"] = [join_notes(note, remark) for remark in judged.loc[tuned, "note"]]
        ols["note"] = [join_notes(note, remark) for remark in ols["note"]]
        both = pd.concat([judged, ols])
        tables.append(both.assign(predictor=predictor)[["predictor", *both.columns]])
    return pd.concat(tables, ignore_index=True)
