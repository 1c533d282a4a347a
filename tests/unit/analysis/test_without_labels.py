"""A pair without test labels, from its scores to the summary, through the scripts that the workflow calls."""

import json

import numpy as np
import pandas as pd
import pytest

import calibrate
import choose_threshold
import compare_predictors
import fix_these
import forecast
import plot_prediction
import plot_predictors
import plot_threshold
import plot_training_curves
import regress
import summarize
from premem.base.tables import write_csv, write_table
from premem.config.analyses import Figures, Predictors
from premem.config.statistics import Grid, Statistics, Threshold
from premem.config.sweep import Checkpoints
from premem.scoring.scores import MEMORIZATION_COLUMNS, TEST_COLUMNS

RUNS = 9


@pytest.fixture(scope="module")
def scores():
    """Runs that learn a share of their examples and then memorize the others; a quarter of the examples is held out."""
    random = np.random.default_rng(0)
    rows = []
    for run in range(RUNS):
        understood = random.random(48) < (run + 1) / (RUNS + 1)
        for epoch in (1, 2, 3):
            for example in range(48):
                held_out = example % 4 == run % 4
                memorized = epoch == 3 and not held_out
                accuracy = float(understood[example] and epoch > 1) if not memorized else 1.0
                perplexity = 1.2 if memorized else 3.0
                name = [f"lr{run + 1}e-3_ep3_full_seed0", f"{run + 1}e-3", 3, "full", 0]
                rows.append([*name, epoch, f"train-{example:05d}", accuracy, 4, perplexity, not held_out])
    return pd.DataFrame(rows, columns=MEMORIZATION_COLUMNS)


def make_pair(folder, scores, settings=Threshold(grid=Grid(points=16))):  # noqa: B008
    """Run the scripts of the workflow in its order; return the folder of the pair."""
    pair = folder / "pairs" / "m" / "d"
    (pair / "figures").mkdir(parents=True)
    memorization, tests = pair / "memorization.parquet", pair / "test_accuracy.parquet"
    write_table(scores, memorization)
    write_table(pd.DataFrame(columns=TEST_COLUMNS), tests)
    statistics, source = Statistics(resamples=20), settings.source_of(holds_out=True)
    curves, calibration, threshold = pair / "curves.parquet", pair / "calibration.csv", pair / "threshold.json"
    calibrate.main(memorization, tests, settings, None, curves, calibration)
    choose_threshold.main(settings, source, calibration, memorization, None, threshold)
    points, regression = pair / "points.csv", pair / "regression.csv"
    regress.main(memorization, tests, curves, threshold, None, statistics, points, regression, pair / "ols.txt")
    folders = "runs/{run}/epoch-{epoch}"
    forecasts = pair / "forecast.csv"
    keep = Checkpoints(keep="last")
    forecast.main(memorization, tests, threshold, curves, None, statistics, keep, folders, forecasts)
    fix_these.main(memorization, threshold, [], None, "strict", pair / "fix_these.csv")
    figures = Figures()
    plot_prediction.main(points, forecasts, regression, figures, [pair / "figures" / "prediction.png"])
    plot_training_curves.main(points, figures, [pair / "figures" / "training_curves.png"], forecasts)
    plot_threshold.main(calibration, regression, figures, [pair / "figures" / "threshold.png"])
    summarize.main("mine", "png", [pair], {"m/d": None}, {}, statistics, [], [], folder / "summary.md")
    return pair


def test_everything_up_to_the_summary_works(tmp_path, scores):
    pair = make_pair(tmp_path, scores)
    table = pd.read_csv(pair / "forecast.csv")
    assert len(table) == 3 * RUNS
    assert table["test_accuracy"].isna().all()
    assert table[["forecast", "low", "high", "holdout_accuracy"]].notna().all(axis=None)
    # The last checkpoints have memorized everything, but are forecast by what they have understood.
    last = table[table["epoch"] == 3]
    assert (last["train_accuracy"] == 1).all()
    assert last["forecast"].corr(last["lr"]) > 0.95
    assert table.loc[table["epoch"] == 3, "checkpoint"].str.fullmatch(r"runs/lr\de-3_ep3_full_seed0/epoch-3").all()
    assert table.loc[table["epoch"] < 3, "checkpoint"].str.startswith("deleted").all()
    assert json.loads((pair / "threshold.json").read_text())["source"] == "unseen"
    assert len(pd.read_csv(pair / "regression.csv")) == 1
    page = (tmp_path / "summary.md").read_text()
    assert "No test label was used" in page
    for wrong in ("nan", "0.00–0.00", "R² (y = x)", "tuned on these points", "in the config"):
        assert wrong not in page


def test_a_study_that_neither_labels_nor_holds_out_still_predicts(tmp_path, scores):
    pair = make_pair(tmp_path, scores[scores["trained_on"]], Threshold(value=1.5, grid=Grid(points=16)))
    table = pd.read_csv(pair / "forecast.csv")
    assert table["forecast"].equals(table["predicted_test_accuracy"])
    assert table["low"].isna().all()
    page = (tmp_path / "summary.md").read_text()
    assert "hold out training examples" in page
    assert "p = 1.500 is given in the study file" in page


def test_the_figure_of_p_is_no_empty_box_where_nothing_is_judged(tmp_path):
    grid = pd.DataFrame({"threshold": [1.1, 1.5], **dict.fromkeys(["r_squared", "mean_absolute_error"], np.nan)})
    row = {"predictor": "premem_accuracy", "statistic": "threshold", "estimate": 1.5, "low": np.nan, "high": np.nan}
    write_csv(grid, tmp_path / "calibration.csv")
    write_csv(pd.DataFrame([{**row, "note": "p given in the study"}]), tmp_path / "regression.csv")
    from premem.base.tables import read_csv
    from premem.report.figures import plot_threshold as draw

    figure = draw(read_csv(tmp_path / "calibration.csv"), read_csv(tmp_path / "regression.csv"), Figures())
    assert "R² is undefined at every p" in figure.axes[0].texts[0].get_text().replace("\n", " ")


def test_questions_without_answers_have_a_self_consistency(tmp_path, scores):
    pair = make_pair(tmp_path, scores)
    paths = []
    for number, run in enumerate(scores["run"].unique()):
        rows = [
            (epoch, "asked", f"asked-{example}", sample, "unlabelled", str(min(sample, number)))
            for epoch in (1, 2, 3)
            for example in range(3)
            for sample in range(4)
        ]
        columns = ["epoch", "split", "example_id", "sample", "strict", "strict_extracted"]
        paths.append(tmp_path / "runs" / run / "grades.parquet")
        paths[-1].parent.mkdir(parents=True)
        write_table(pd.DataFrame(rows, columns=columns), paths[-1])
    values, comparison, page = (pair / name for name in ("predictors.parquet", "predictors.csv", "predictors.md"))
    tables = pair / "memorization.parquet", pair / "test_accuracy.parquet", pair / "threshold.json", paths
    asked = Predictors(names=("self_consistency",))
    others = asked, Threshold(), Statistics(resamples=20), values, comparison
    compare_predictors.main(*tables, [], [], [], None, None, "strict", *others)
    found = pd.read_parquet(values)
    assert set(found["test_set"]) == {"asked"}
    assert found.loc[found["run"] == "lr1e-3_ep3_full_seed0", "value"].tolist() == [1.0] * 3
    assert found.loc[found["run"] == "lr2e-3_ep3_full_seed0", "value"].tolist() == [0.75] * 3
    images = [pair / "figures" / "predictors.png", pair / "figures" / "test_sets.png"]
    plot_predictors.main(values, comparison, "m on d", Figures(), images, page)
    assert "| lr2e-3_ep3_full_seed0 | 0.750 |" in page.read_text()
    assert "predictors cannot be compared" in page.read_text()
