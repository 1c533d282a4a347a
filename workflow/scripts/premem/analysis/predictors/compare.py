"""Comparing predictors: how well each predicts the accuracy on every test set of a (model, dataset) pair.

The result is two tables:

    values      run, epoch, predictor, test_set, value, test_accuracy     one row per checkpoint, predictor and test set
    comparison  predictor, test_set, statistic, estimate, low, high, n_points, n_runs, note

``statistic`` is one of

    r_squared                             R² about y = x, for predictors that are accuracies
    r_squared_leave_one_run_out           the same for premem accuracy, with p calibrated on the other runs
    squared_correlation                   R² of a linear map of the value, in sample
    r_squared_linear_leave_one_run_out    R² of a linear map, where the map (and p) are fitted on the other runs
    rank_correlation                      Spearman's correlation
    behind_premem                         r_squared_linear_leave_one_run_out of premem accuracy minus that of the
                                          predictor
    threshold                             the calibrated p

The note of a row without a statistic says what is missing.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.analysis.predictors import LACKS, PREDICTORS
from premem.analysis.predictors.from_scores import OF_RUN
from premem.analysis.regression.bootstrap import interval, resample
from premem.config.statistics import Statistics
from premem.scoring.scores import RunScores, predict_over_grid
from premem.scoring.threshold import ChosenThreshold

Floats = NDArray[np.float64]

PREMEM, STUDY_P = "premem_accuracy", "premem_accuracy_at_study_p"
"""Premem accuracy with p calibrated on the test set that is judged, and with p calibrated on the study's test set."""
VALUE_COLUMNS = ["run", "epoch", "predictor", "test_set", "value", "test_accuracy"]
COLUMNS = ["predictor", "test_set", "statistic", "estimate", "low", "high", "n_points", "n_runs", "note"]
LINEAR = "r_squared_linear_leave_one_run_out"


def compare(
    runs: Mapping[str, Sequence[RunScores]],
    names: Sequence[str],
    values: pd.DataFrame,
    grid: Floats,
    study_p: ChosenThreshold,
    statistics: Statistics,
    notes: Mapping[tuple[str, str], str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge every predictor on every test set.

    Args:
        runs: test set with labels → scores of all runs. The first one is the one that the study predicts. There may be
            none; both tables are then empty.
        names: of the predictors to compare.
        values: run, epoch, predictor, test_set (NaN if the value is the same for all test sets), value. Predictors that
            need only the scores may be absent, since their values are added here.
        grid: values of p, ascending.
        study_p: the study's p.
        statistics: settings of the intervals.
        notes: (predictor, test set) → a remark on its values.

    Returns:
        values and comparison (see the top of this module).
    """
    if not runs:
        return pd.DataFrame(columns=VALUE_COLUMNS), pd.DataFrame(columns=COLUMNS)
    own, fixed = next(iter(runs)), study_p.fixed
    remarks = {PREMEM: study_p.note, STUDY_P: f"p of {own}"}
    placed: list[pd.DataFrame] = []
    rows: list[dict[str, object]] = []
    for test_set, of_set in runs.items():
        # In the same order as in ``regression_table``, so that a resample holds the same runs.
        ordered = sorted(of_set, key=lambda run: run.run)
        points = _points(ordered)
        thresholds = {PREMEM: np.array([study_p.threshold]) if fixed else grid}
        if test_set != own and not fixed:
            thresholds[STUDY_P] = np.array([study_p.threshold])
        judged = {name: _Judged(name, points, _premem(ordered, p), p, statistics) for name, p in thresholds.items()}
        known = pd.concat([_values_of_scores(ordered, names), values], ignore_index=True)
        known = known[known["test_set"].isna() | (known["test_set"] == test_set)]
        for name in names:
            value = points.merge(known[known["predictor"] == name], on=["run", "epoch"], how="left")["value"]
            if name != PREMEM and value.notna().any():
                predicted = value.to_numpy(dtype=float)[:, None]
                judged[name] = _Judged(name, points, predicted, np.array([np.nan]), statistics)
        for name in dict.fromkeys((*judged, *names)):
            what = {"predictor": name, "test_set": test_set}
            remark = remarks.get(name) or notes.get((name, test_set), "")
            if name in judged:
                rows += [{**what, **row} for row in judged[name].rows(judged[PREMEM], remark)]
                placed.append(judged[name].at_best().assign(test_set=test_set)[VALUE_COLUMNS])
            else:
                rows.append({**what, "note": remark or LACKS[PREDICTORS[name].needs]})
    return pd.concat(placed, ignore_index=True), pd.DataFrame(rows, columns=COLUMNS)


def _points(runs: Sequence[RunScores]) -> pd.DataFrame:
    """Return run, epoch, test_accuracy; a row per checkpoint."""
    tables = [
        pd.DataFrame({"run": run.run, "epoch": run.checkpoint_epochs, "test_accuracy": run.test_accuracy.mean(axis=1)})
        for run in runs
    ]
    return pd.concat(tables, ignore_index=True)


def _premem(runs: Sequence[RunScores], thresholds: Floats) -> Floats:
    """Return premem accuracy at every checkpoint and threshold, shape (points, thresholds)."""
    predicted = predict_over_grid(runs, thresholds)["predicted_test_accuracy"]
    return predicted.to_numpy(dtype=float).reshape(-1, thresholds.size)


def _values_of_scores(runs: Sequence[RunScores], names: Sequence[str]) -> pd.DataFrame:
    """Return run, epoch, predictor, test_set, value of the predictors that need only the memorization table."""
    tables = [
        pd.DataFrame({"run": run.run, "epoch": run.checkpoint_epochs, "predictor": name, "value": OF_RUN[name](run)})
        for name in names
        if name in OF_RUN
        for run in runs
    ]
    return pd.concat([pd.DataFrame(columns=["run", "epoch", "predictor", "test_set", "value"]), *tables])


class _Judged:
    """A predictor judged at the checkpoints that it has a value for.

    Args:
        name: of the predictor.
        points: run, epoch, test_accuracy; a row per checkpoint.
        predicted: shape (points, thresholds), NaN where there is no value.
        thresholds: values of p; a single one if p is not calibrated.
        statistics: settings of the intervals.
    """

    def __init__(
        self, name: str, points: pd.DataFrame, predicted: Floats, thresholds: Floats, statistics: Statistics
    ) -> None:
        there = ~np.isnan(predicted).any(axis=1)
        self.points, self.predicted, self.thresholds = points[there], predicted[there], thresholds
        self.name, self.lacking, self.statistics = name, int((~there).sum()), statistics
        self.is_accuracy = name == STUDY_P or PREDICTORS[name].is_accuracy
        judged = self.predicted
        if (
            not self.is_accuracy and (spread := judged.std()) > 0
        ):  # only a linear map is judged, so the unit does not matter
            judged = (judged - judged.mean()) / spread
        self.estimates, self.resampled = resample(
            self.points["run"], self.points["test_accuracy"], judged, thresholds, statistics, ranked=True
        )

    def at_best(self) -> pd.DataFrame:
        """Return the points with the predictor's value, at the calibrated p if p is calibrated."""
        return self.points.assign(predictor=self.name, value=self.predicted[:, int(self.estimates["best"])])

    def rows(self, premem: "_Judged", note: str) -> Iterator[dict[str, object]]:
        """Yield the rows of the comparison, without predictor and test_set."""
        if self.lacking:
            note = "; ".join(part for part in (note, f"no value at {self.lacking} checkpoints") if part)
        calibrated = self.thresholds.size > 1
        for statistic, shown in {
            "r_squared": self.is_accuracy,
            "r_squared_leave_one_run_out": calibrated,
            "squared_correlation": True,
            LINEAR: True,
            "rank_correlation": True,
            "threshold": calibrated,
        }.items():
            if shown:
                held_out = calibrated and "leave_one_run_out" in statistic
                remark = "p calibrated without the run" if held_out else note
                yield self._row(statistic, self.estimates[statistic], self.resampled.get(statistic), remark)
        if self is not premem:
            yield self._behind(premem, note)

    def _behind(self, premem: "_Judged", note: str) -> dict[str, object]:
        """Compare with premem accuracy in each resample."""
        if self.lacking:
            return self._row("behind_premem", np.nan, None, "not compared: values at other checkpoints")
        drawn = premem.resampled[LINEAR] - self.resampled[LINEAR] if self.resampled else None
        return self._row("behind_premem", premem.estimates[LINEAR] - self.estimates[LINEAR], drawn, note)

    def _row(self, statistic: str, estimate: float, resampled: Floats | None, note: str) -> dict[str, object]:
        low, high, remark = interval(resampled, self.statistics.confidence)
        return {
            "statistic": statistic,
            "estimate": estimate,
            "low": low,
            "high": high,
            "n_points": len(self.points),
            "n_runs": self.points["run"].nunique(),
            "note": "; ".join(part for part in (note, remark) if part),
        }
