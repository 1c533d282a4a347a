"""The forecast of test accuracy, its intervals, and what a summary says of them."""

import numpy as np
import pandas as pd
import pytest

from premem.analysis.cautions import cautions
from premem.analysis.conformal import conformal_quantile, fewest_runs, scores_of_runs
from premem.analysis.forecast import forecast_table, why_no_interval
from premem.report.decisions import decisions
from premem.scoring.scores import RunScores


def make_run(name, premem, holdout, test=None, n=64, size="full"):
    """A run whose premem accuracy, held-out accuracy and test accuracy at each checkpoint are as given."""
    checkpoints = len(premem)

    def answers(shares, number):
        return np.array([[float(i < round(share * number)) for i in range(number)] for share in shares])

    return RunScores(
        run=name,
        lr="1e-3",
        epochs=checkpoints,
        size=size,
        seed=0,
        checkpoint_epochs=np.arange(1, checkpoints + 1),
        accuracy=answers(premem, n),
        perplexity=np.full((checkpoints, n), 2.0),  # nothing is memorized, so premem accuracy is train accuracy
        n_samples=np.full((checkpoints, n), 4),
        test_accuracy=np.full((checkpoints, 1), np.nan) if test is None else answers(test, n),
        unseen_accuracy=np.zeros((checkpoints, 0)) if holdout is None else answers(holdout, n),
    )


def runs_with_noise(number, seed=0, test=False):
    random = np.random.default_rng(seed)
    made = []
    for run in range(number):
        true = np.sort(random.uniform(0.1, 0.8, 3))
        premem = np.clip(true + random.normal(0, 0.05), 0, 1)
        holdout = random.binomial(64, true) / 64
        made.append(make_run(f"r{run}", premem, holdout, random.binomial(64, true) / 64 if test else None))
    return made


def test_fewest_runs_and_the_quantile_by_hand():
    assert [fewest_runs(coverage) for coverage in (0.5, 0.8, 0.9, 0.95)] == [1, 4, 9, 19]
    assert conformal_quantile(range(1, 10), 0.9) == 9
    assert conformal_quantile(range(1, 20), 0.9) == 18
    assert np.isnan(conformal_quantile(range(8), 0.9))
    assert scores_of_runs(["b", "a", "b"], [0.1, -0.3, -0.2]).tolist() == [0.2, 0.3]


def test_conformal_intervals_cover_the_share_of_new_runs_that_they_say():
    random = np.random.default_rng(0)
    covered = [random.exponential() <= conformal_quantile(random.exponential(size=19), 0.9) for _ in range(4000)]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.02)


def test_the_forecast_lies_between_its_parts_and_nearer_to_the_more_precise():
    table = forecast_table(runs_with_noise(12), 1.5, 0.9)
    low, high = (np.minimum, np.maximum)
    parts = table["predicted_test_accuracy"], table["holdout_accuracy"]
    assert (table["forecast"] >= low(*parts) - 1e-9).all()
    assert (table["forecast"] <= high(*parts) + 1e-9).all()
    assert table["forecast"].is_monotonic_decreasing
    assert table["low"].le(table["forecast"]).all() and table["high"].ge(table["forecast"]).all()
    # Where premem accuracy always agrees with the held-out accuracy, it is the more precise of the two.
    exact = forecast_table([make_run(f"r{i}", [0.25, 0.5], [0.25, 0.5]) for i in range(9)], 1.5, 0.9)
    assert exact["forecast"].tolist() == pytest.approx([0.5] * 9 + [0.25] * 9)


def test_the_forecast_is_closer_to_the_truth_than_each_of_its_parts():
    errors = []
    for seed in range(20):
        table = forecast_table(runs_with_noise(12, seed, test=True), 1.5, 0.9)
        parts = table[["forecast", "predicted_test_accuracy", "holdout_accuracy"]]
        errors.append(parts.sub(table["test_accuracy"], axis=0).abs().mean())
    mean = pd.concat(errors, axis=1).mean(axis=1)
    assert mean["forecast"] < min(mean["predicted_test_accuracy"], mean["holdout_accuracy"])


def test_too_few_runs_give_no_interval_and_say_what_would():
    table = forecast_table(runs_with_noise(8), 1.5, 0.9)
    assert table[["low", "high"]].isna().all(axis=None)
    assert why_no_interval(table, 0.9) == (
        "an interval that covers 90% of runs needs 9 runs, and there are 8; train more runs"
    )
    nothing = forecast_table([make_run(f"r{i}", [0.5], None) for i in range(12)], 1.5, 0.9)
    assert "hold out training examples" in why_no_interval(nothing, 0.9)
    assert why_no_interval(forecast_table(runs_with_noise(9), 1.5, 0.9), 0.9) == ""


def test_with_labels_alone_the_interval_comes_from_test_accuracies():
    runs = [make_run(f"r{i}", [0.5], None, [0.5 + i / 64]) for i in range(9)]
    table = forecast_table(runs, 1.5, 0.9)
    assert (table["high"] - table["forecast"]).tolist() == pytest.approx([8 / 64] * 9)
    assert table["n_test"].tolist() == [64] * 9
    assert table["test_low"].lt(table["test_accuracy"]).all() and table["test_high"].gt(table["test_accuracy"]).all()


def place(test, predicted, train=None, run=None, size="full"):
    number = len(test)
    return pd.DataFrame(
        {
            "run": [f"r{i}" for i in range(number)] if run is None else run,
            "size": size,
            "n": [100 if s == "full" else 50 for s in ([size] * number if isinstance(size, str) else size)],
            "train_accuracy": predicted if train is None else train,
            "predicted_test_accuracy": predicted,
            "test_accuracy": test,
        }
    )


def test_good_numbers_need_no_caution():
    even = np.linspace(0.1, 0.8, 12)
    assert cautions(place(even, even), 500) == []


def test_numbers_that_mislead_are_named():
    even = np.linspace(0.1, 0.8, 12)
    assert "only one run" in cautions(place([0.5, 0.6], [0.5, 0.6], run="a"), 500)[0]
    assert "only 3 runs" in cautions(place(even[:3], even[:3]), 500)[0]
    assert "has 48 examples" in cautions(place(even, even), 48)[0]
    assert "R² is undefined" in cautions(place([0.5] * 6, [0.4] * 6), 500)[0]
    low = np.linspace(0.0, 0.04, 6)
    assert "solves its own training examples" in " ".join(cautions(place([np.nan] * 6, low), None))
    assert "chance, which is 0.25" in " ".join(cautions(place(np.linspace(0.2, 0.25, 6), even[:6]), 500, 0.25))
    # Half of the points lie at 0, where everything is predicted well; the upper ones are predicted badly.
    test, predicted = [0.0] * 6 + [0.5, 0.6, 0.7, 0.8], [0.0] * 6 + [0.7, 0.7, 0.7, 0.7]
    assert "Points near 0 carry R²" in " ".join(cautions(place(test, predicted), 500))
    train, sizes = [*even, 1.0, 1.0], ["full"] * 12 + ["half"] * 2
    said = " ".join(cautions(place([*even, 0.2, 0.3], [*even, 0.2, 0.3], train, size=sizes), 500))
    assert "The 2 runs on smaller subsets carry the R² of train accuracy" in said


def test_the_summary_says_which_checkpoint_to_use():
    table = forecast_table(runs_with_noise(12, test=True), 1.5, 0.9).assign(checkpoint="runs/x/epoch-3")
    links = {"forecast": "[forecast.csv](f)", "fix_these": "[fix_these.csv](g)"}
    patterns = [("forgotten", "learned and forgotten", 3)]
    page = "\n".join(decisions(table, patterns, "p = 1.5.", 0.9, "", ["Careful."], links, "snakemake -- {run}/x.jsonl"))
    first = table.iloc[0]
    assert f"**{first['run']}, after epoch {first['epoch']}**: `runs/x/epoch-3`" in page
    assert f"**{first['forecast']:.2f}** [{first['low']:.2f}, {first['high']:.2f}]" in page
    assert page.index("Use this checkpoint") < page.index("Careful.") < page.index("The best runs")
    assert page.index("The best runs") < page.index("largest error") < page.index("Look at these training examples")
    assert "| `forgotten` | learned and forgotten | 3 |" in page
    assert f"snakemake -- {first['run']}/x.jsonl" in page


def test_the_summary_of_imported_runs_of_which_only_some_left_examples_out():
    runs = [make_run(f"r{i}", [0.5], [0.5] if i == 0 else None, [0.5 + i / 64]) for i in range(9)]
    table = forecast_table(runs, 1.5, 0.9).assign(checkpoint=np.nan)
    page = "\n".join(decisions(table, [], "p = 1.5.", 0.9, "", [], {"forecast": "f", "fix_these": "g"}, ""))
    assert "its checkpoint lies elsewhere" in page
    assert "joins" not in page  # the forecast is premem accuracy alone
    assert "nan" not in page


def test_the_summary_without_anything_to_compare_with_says_so():
    table = forecast_table([make_run("a", [0.5], None)], 1.5, 0.9).assign(checkpoint="deleted; keep it")
    why = why_no_interval(table, 0.9)
    page = "\n".join(decisions(table, [], "p = 1.5.", 0.9, why, [], {"forecast": "f", "fix_these": "g"}, ""))
    assert "without an interval: there is nothing to compare predictions with" in page
    assert "It was deleted" in page
    assert "nan" not in page
