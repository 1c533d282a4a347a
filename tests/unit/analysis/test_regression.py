"""premem.analysis.regression: the formulas, the calibration of p, intervals from resampled runs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premem.analysis.regression.bootstrap import _estimate, _sum_by_run
from premem.analysis.regression.calibration import (
    best_threshold,
    calibrate,
    choose_threshold,
    leave_one_run_out,
    threshold_grid,
    unstack,
)
from premem.analysis.regression.measures import mean_absolute_error, r_squared, squared_correlation
from premem.analysis.regression.ols import ols_rows, ols_summary
from premem.analysis.regression.table import regression_table
from premem.base.errors import UserError
from premem.config.statistics import Grid, Statistics, Threshold
from premem.scoring.threshold import ChosenThreshold

STATISTICS = Statistics(resamples=200)
TUNED = ChosenThreshold(1.5, "test")


def make_curves(runs: dict[str, tuple[list[float], list[list[float]]]], thresholds: list[float]) -> pd.DataFrame:
    """Name of a run -> (test accuracy of its checkpoints, predictions of each checkpoint by threshold)."""
    return pd.DataFrame(
        [
            (run, epoch, threshold, value, accuracy)
            for run, (test, predicted) in runs.items()
            for epoch, (accuracy, row) in enumerate(zip(test, predicted, strict=True), start=1)
            for threshold, value in zip(thresholds, row, strict=True)
        ],
        columns=["run", "epoch", "threshold", "predicted_test_accuracy", "test_accuracy"],
    ).assign(unseen_accuracy=np.nan)


def make_points(curves: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """The rows of one threshold; train accuracy halfway from test accuracy to 1."""
    points = curves[curves["threshold"] == threshold].drop(columns="threshold")
    return points.assign(train_accuracy=(1 + points["test_accuracy"]) / 2, n=100).reset_index(drop=True)


def random_curves(seed: int, runs: int = 6, thresholds: int = 9) -> pd.DataFrame:
    """Runs of 1 to 4 checkpoints, the middle thresholds best, each run with a bias of its own."""
    random = np.random.default_rng(seed)
    offsets = np.linspace(-0.3, 0.3, thresholds)
    made = {}
    for run in range(runs):
        test = random.uniform(0.1, 0.9, random.integers(1, 5))
        predicted = test[:, None] + offsets + random.normal(0, 0.1) + random.normal(0, 0.02, (len(test), thresholds))
        made[f"run {run}"] = (test.tolist(), predicted.tolist())
    return make_curves(made, threshold_grid(Grid(points=thresholds)).tolist())


def look_up(table: pd.DataFrame, statistic: str, predictor: str = "premem_accuracy") -> pd.Series:
    return table[(table["predictor"] == predictor) & (table["statistic"] == statistic)].iloc[0]


# --- the grid --------------------------------------------------------------------------------------


def test_threshold_grid_is_even_in_log_log_p():
    grid = threshold_grid(Grid(start=1.01, stop=5, points=7))
    assert grid[[0, -1]] == pytest.approx([1.01, 5])
    assert np.diff(np.log(np.log(grid)), n=2) == pytest.approx(0, abs=1e-12)


# --- formulas -------------------------------------------------------------------------------------------------------


def test_formulas_by_hand():
    test, predicted = [0.2, 0.4, 0.6], [0.3, 0.4, 0.4]
    # errors 0.1, 0, -0.2; Σ squares 0.05; Σ(test - 0.4)² = 0.08; covariance sum 0.02, Σ(predicted - 11/30)² = 1/150
    assert r_squared(test, predicted) == pytest.approx(1 - 0.05 / 0.08)
    assert squared_correlation(test, predicted) == pytest.approx(0.02**2 / (0.08 / 150))
    assert mean_absolute_error(test, predicted) == pytest.approx(0.1)


def test_r_squared_is_about_y_equals_x_not_a_fitted_line():
    test = np.array([0.1, 0.2, 0.3])
    assert squared_correlation(test, test + 0.5) == pytest.approx(1)
    assert r_squared(test, test + 0.5) == pytest.approx(1 - 0.75 / 0.02)


def test_formulas_are_nan_without_variance():
    assert np.isnan(r_squared([0.3, 0.3], [0.2, 0.4]))
    assert np.isnan(squared_correlation([0.2, 0.4], [0.3, 0.3]))


# --- calibration ----------------------------------------------------------------------------------------------------

# Run a is predicted exactly by the first threshold, b by the second, c by the third.
HAND_MADE = make_curves(
    {
        "a": ([0.2, 0.4], [[0.2, 0.3, 0.5], [0.4, 0.5, 0.7]]),
        "b": ([0.6], [[0.4, 0.6, 0.7]]),
        "c": ([0.8], [[0.3, 0.7, 0.8]]),
    },
    [1.1, 1.5, 2.0],
)
# Squared errors by threshold: a (0, .02, .18), b (.04, 0, .01), c (.25, .01, 0). Σ(test - mean)² = 0.2.


def test_calibrate_by_hand():
    calibration = calibrate(HAND_MADE)
    assert calibration["threshold"].tolist() == [1.1, 1.5, 2.0]
    assert calibration["r_squared"].tolist() == pytest.approx([1 - 0.29 / 0.2, 1 - 0.03 / 0.2, 1 - 0.19 / 0.2])
    assert calibration["mean_absolute_error"].tolist() == pytest.approx([0.7 / 4, 0.3 / 4, 0.7 / 4])
    assert best_threshold(calibration) == 1.5


@pytest.mark.parametrize(
    ("r2", "best"),
    [
        ([0.1, 0.9, 0.9, 0.9, 0.2], 1.3),
        ([0.9, 0.9, 0.2, 0.9, 0.9], 1.1),
        ([np.nan, -3, -2, -3, np.nan], 1.3),
        ([0.1, 0.2, 0.3, 0.9, 0.9 + 1e-13], 1.4),
    ],
)
def test_best_threshold_takes_the_middle_of_the_first_tied_stretch(r2, best):
    calibration = pd.DataFrame({"threshold": [1.1, 1.2, 1.3, 1.4, 1.5], "r_squared": r2, "mean_absolute_error": 0.1})
    assert best_threshold(calibration) == best


def test_best_threshold_takes_the_least_error_where_test_accuracy_does_not_vary():
    constant = make_curves({"a": ([0.3, 0.3], [[0.1, 0.3], [0.3, 0.3]])}, [1.1, 1.5])
    assert best_threshold(calibrate(constant)) == 1.5


def test_p_comes_from_where_the_study_says():
    # About the unseen accuracies, the last threshold is exact for run c, the only one that has such.
    seen = HAND_MADE.assign(unseen_accuracy=HAND_MADE["run"].map({"c": 0.8}))
    calibration = calibrate(seen)

    def choose(source, **given):
        unseen = pd.DataFrame({"perplexity": [1.2, 1.4, 1.6, 9.0], "trained_on": [False, False, False, True]})
        other = ChosenThreshold(1.3, "test", 1.2, 1.4)
        return choose_threshold(Threshold(**given), source, calibration, unseen, other, "m on d")

    assert choose("test") == ChosenThreshold(1.5, "test", 1.5, 1.5)
    assert choose("unseen").threshold == 2.0
    assert choose("quantile", quantile=0.5).threshold == 1.4
    assert choose("study", study="x") == ChosenThreshold(1.3, "study", 1.2, 1.4)
    assert choose("value", value=1.7) == ChosenThreshold(1.7, "value")
    with pytest.raises(UserError, match="p of m on d cannot come from unseen, since no run has examples"):
        choose_threshold(Threshold(), "unseen", calibrate(HAND_MADE), None, None, "m on d")


def test_without_labels_the_table_holds_p_alone():
    points = make_points(HAND_MADE, 1.5).assign(test_accuracy=np.nan)
    table = regression_table(points, HAND_MADE, STATISTICS, ChosenThreshold(1.5, "unseen"))
    assert table[["predictor", "statistic", "estimate"]].values.tolist() == [["premem_accuracy", "threshold", 1.5]]
    assert table["note"].tolist() == ["p from held-out examples"]
    assert "no test set has labels" in ols_summary(points, "premem_accuracy")


def test_curves_of_different_grids_are_refused():
    with pytest.raises(UserError, match="run b, epoch 1"):
        calibrate(HAND_MADE.drop(index=6))


def test_leave_one_run_out_by_hand():
    # Without a the other errors are (.29, .01, .01): two thresholds tie, and the first of an even number is taken.
    # Without b: (.25, .03, .18); without c: (.04, .02, .19).
    table = leave_one_run_out(HAND_MADE)
    assert table["run"].tolist() == ["a", "a", "b", "c"]
    assert table["threshold_without_run"].tolist() == [1.5] * 4
    assert table["predicted_without_run"].tolist() == [0.3, 0.5, 0.6, 0.7]
    without_b = leave_one_run_out(HAND_MADE[HAND_MADE["run"] != "b"])
    # a is predicted with c's best, which one checkpoint cannot calibrate: its test accuracy does not vary.
    assert without_b["threshold_without_run"].tolist() == pytest.approx([np.nan, np.nan, 1.1], nan_ok=True)
    assert without_b["predicted_without_run"].tolist() == pytest.approx([np.nan, np.nan, 0.3], nan_ok=True)


def test_leave_one_run_out_of_a_single_run_is_nan():
    table = leave_one_run_out(HAND_MADE[HAND_MADE["run"] == "a"])
    assert len(table) == 2
    assert table[["threshold_without_run", "predicted_without_run"]].isna().all(axis=None)


# --- the table ------------------------------------------------------------------------------------------------------


def test_table_by_hand():
    table = regression_table(make_points(HAND_MADE, 1.5), HAND_MADE, STATISTICS, TUNED)
    assert look_up(table, "r_squared").estimate == pytest.approx(0.85)
    assert look_up(table, "r_squared").note.startswith("p tuned on these points")
    assert look_up(table, "r_squared_leave_one_run_out").estimate == pytest.approx(0.85)
    assert look_up(table, "r_squared_leave_one_run_out").note.startswith("p calibrated without the run")
    assert look_up(table, "mean_absolute_error").estimate == pytest.approx(0.075)
    assert look_up(table, "threshold").estimate == 1.5
    # Train accuracy is (1 + test) / 2: errors .4, .3, .2, .1, and test = 2 · train - 1 exactly.
    assert look_up(table, "r_squared", "train_accuracy").estimate == pytest.approx(1 - 0.3 / 0.2)
    for statistic in ("difference_of_r_squared", "difference_of_r_squared_leave_one_run_out"):
        assert look_up(table, statistic).estimate == pytest.approx(0.85 - (1 - 0.3 / 0.2))
    assert look_up(table, "squared_correlation", "train_accuracy").estimate == pytest.approx(1)
    assert look_up(table, "ols_slope", "train_accuracy").estimate == pytest.approx(2)
    assert look_up(table, "ols_intercept", "train_accuracy").estimate == pytest.approx(-1)
    assert "threshold" not in table.loc[table["predictor"] == "train_accuracy", "statistic"].to_list()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), runs=st.integers(2, 8))
def test_sums_agree_with_the_formulas(seed, runs):
    curves = random_curves(seed, runs)
    calibration = calibrate(curves)
    p = best_threshold(calibration)
    table = regression_table(make_points(curves, p), curves, Statistics(resamples=1), TUNED)
    best = calibration[calibration["threshold"] == p].iloc[0]
    for statistic in ("threshold", "r_squared", "squared_correlation", "mean_absolute_error"):
        assert look_up(table, statistic).estimate == pytest.approx(best[statistic], rel=1e-9, abs=1e-9)
    held_out = leave_one_run_out(curves)["predicted_without_run"]
    test = make_points(curves, p)["test_accuracy"]
    expected = r_squared(test, held_out), mean_absolute_error(test, held_out)
    for statistic, value in zip(("r_squared", "mean_absolute_error"), expected, strict=True):
        estimate = look_up(table, f"{statistic}_leave_one_run_out").estimate
        assert estimate == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_resample_is_the_estimate_on_its_copies_of_runs(seed):
    """Weights stand for copies of runs, and all copies of a run are left out together."""
    curves = random_curves(seed, runs=5)
    counts = np.random.default_rng(seed).multinomial(5, np.full(5, 0.2))
    keys, test, thresholds, predicted = unstack(curves)
    sums = _sum_by_run(keys["run"], test, predicted)
    weighted = _estimate(sums, thresholds, counts[None])

    copies = pd.concat([curves[curves["run"] == f"run {run}"] for run in np.repeat(np.arange(5), counts)])
    number = copies.groupby(["run", "epoch", "threshold"]).cumcount()
    copies["epoch"] = copies["epoch"] + 100 * number  # copies as further checkpoints of the same run
    keys, test, thresholds, predicted = unstack(copies)
    plain = _estimate(_sum_by_run(keys["run"], test, predicted), thresholds, np.ones((1, keys["run"].nunique())))
    for statistic, value in plain.items():
        assert weighted[statistic] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), statistic


def test_interval_of_a_constructed_case():
    # Equal runs: every resample is the same, so the interval has no width.
    test, predicted = [0.2, 0.6], [[0.1, 0.3, 0.5], [0.5, 0.6, 0.9]]
    equal = make_curves(dict.fromkeys("abcde", (test, predicted)), [1.1, 1.5, 2.0])
    table = regression_table(make_points(equal, 1.5), equal, STATISTICS, TUNED)
    for statistic, value in {"r_squared": 1 - 0.01 / 0.08, "threshold": 1.5, "mean_absolute_error": 0.05}.items():
        row = look_up(table, statistic)
        assert [row.estimate, row.low, row.high] == pytest.approx([value] * 3)
    # Runs that disagree on p: the interval of p spans their values, as p is calibrated anew in every resample.
    offsets = np.array([0, 0.1, 0.2])
    unlike = make_curves(
        {
            name: ([0.2, 0.6], (np.array([[0.2], [0.6]]) + offsets - offsets[right]).tolist())
            for name, right in {"a": 0, "b": 0, "c": 0, "d": 2, "e": 2, "f": 2}.items()
        },
        [1.1, 1.5, 2.0],
    )
    row = look_up(regression_table(make_points(unlike, 1.5), unlike, STATISTICS, TUNED), "threshold")
    assert (row.estimate, row.low, row.high) == (1.5, 1.1, 2.0)


def test_resamples_without_a_value_are_left_out():
    # One checkpoint per run: a resample that holds one run only has no variance.
    curves = make_curves(
        {name: ([test], [[test, test + 0.1]]) for name, test in zip("abc", (0.1, 0.4, 0.8), strict=True)}, [1.1, 2]
    )
    table = regression_table(make_points(curves, 1.1), curves, Statistics(resamples=900), TUNED)
    row = look_up(table, "r_squared")
    assert (row.low, row.high) == pytest.approx((1, 1))
    undefined = int(row.note.split("undefined in ")[1].split(" of")[0])
    assert undefined == pytest.approx(900 / 9, abs=40)


@pytest.mark.parametrize("runs", [1, 2])
def test_no_intervals_for_fewer_than_three_runs(runs):
    curves = HAND_MADE[HAND_MADE["run"].isin(["a", "b"][:runs])]
    table = regression_table(make_points(curves, 1.1), curves, STATISTICS, TUNED)
    assert table[["low", "high"]].isna().all(axis=None)
    assert table.loc[table["statistic"] != "ols_r_squared", "note"].str.contains("fewer than 3 runs").all()
    assert look_up(table, "ols_slope").estimate > 0
    assert np.isnan(look_up(table, "r_squared_leave_one_run_out").estimate)


def test_a_single_checkpoint_gives_what_is_defined():
    curves = HAND_MADE[HAND_MADE["run"] == "b"]
    table = regression_table(make_points(curves, 1.5), curves, STATISTICS, TUNED)
    assert look_up(table, "mean_absolute_error", "train_accuracy").estimate == pytest.approx(0.2)
    assert look_up(table, "mean_absolute_error").estimate == pytest.approx(table["estimate"].min())
    assert table["estimate"].notna().sum() == 3  # both errors, and the p with the least error
    assert "undefined" in ols_summary(make_points(curves, 1.5), "premem_accuracy")


def test_a_fixed_p_is_not_calibrated():
    points = make_points(HAND_MADE, 2.0)
    table = regression_table(points, HAND_MADE, STATISTICS, ChosenThreshold(2.0, "value"))
    premem = table[table["predictor"] == "premem_accuracy"]
    assert premem["note"].str.startswith("p given in the study").all()
    row = look_up(table, "threshold")
    assert row.estimate == 2.0
    assert np.isnan(row.low)
    assert look_up(table, "r_squared").estimate == pytest.approx(0.05)
    assert "r_squared_leave_one_run_out" not in set(table["statistic"])  # nothing is calibrated


def test_the_same_input_gives_the_same_table():
    curves = random_curves(0)
    points = make_points(curves, best_threshold(calibrate(curves)))
    table = regression_table(points, curves, STATISTICS, TUNED)
    shuffled = points.sample(frac=1, random_state=1), curves.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(table, regression_table(*shuffled, STATISTICS, TUNED))
    other = regression_table(points, curves, Statistics(resamples=200, seed=1), TUNED)
    assert other["estimate"].equals(table["estimate"])
    assert not other["low"].equals(table["low"])
    assert ols_summary(points, "train_accuracy") == ols_summary(points, "train_accuracy")


def test_ols_intervals_are_clustered_by_run():
    # Copies of checkpoints add no information: the interval of the slope does not shrink as it would if unclustered.
    curves = random_curves(1, runs=8)
    points = make_points(curves, best_threshold(calibrate(curves)))
    copies = pd.concat([points, points.assign(epoch=points["epoch"] + 100), points.assign(epoch=points["epoch"] + 200)])
    rows = [
        {name: (low, high) for name, _, low, high, _ in ols_rows(made, "premem_accuracy", 0.95)}["ols_slope"]
        for made in (points, copies)
    ]
    widths = [high - low for low, high in rows]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)
    assert "cluster" in ols_summary(points, "premem_accuracy")
