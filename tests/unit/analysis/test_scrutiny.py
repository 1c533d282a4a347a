"""premem.analysis.scrutiny: every question on made-up runs whose answer is known, the page and the figures."""

import json
import re
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from premem.analysis.regression.calibration import best_threshold, calibrate, threshold_grid
from premem.analysis.regression.table import regression_table
from premem.analysis.scrutiny import QUESTIONS, ask, scrutinize
from premem.analysis.scrutiny.common import COLUMNS, Context
from premem.analysis.scrutiny.figures import FIGURES, plot
from premem.analysis.scrutiny.page import HEADINGS, scrutiny_page
from premem.analysis.scrutiny.subsets_of_runs import BETTER_HALF, HALF_OF_BEST
from premem.config.analyses import Figures
from premem.config.statistics import Grid, Statistics
from premem.report import style
from premem.report.numbers import write_number
from premem.scoring.memorization import predicted_test_accuracy
from premem.scoring.release import read_release
from premem.scoring.scores import RunScores, place_points, predict_over_grid, runs_of_tables
from premem.scoring.threshold import ChosenThreshold

GRID = threshold_grid(Grid(start=1.01, stop=5, points=24))
P = float(GRID[10])
ABOVE, BELOW = GRID[11] + 1e-3, GRID[10] - 1e-3
"""Perplexities that lie above and below P, and between P and its neighbours in the grid."""


def make_context(**given) -> Context:
    return Context(**{"threshold": P, "fixed": False, "grid": GRID, "statistics": Statistics(resamples=50), **given})


def make_run(name: str, accuracy, perplexity, test, size: str = "full", **given) -> RunScores:
    """A run from arrays of shape (checkpoints, examples)."""
    accuracy, perplexity, test = (np.asarray(array, dtype=float) for array in (accuracy, perplexity, test))
    checkpoints = len(accuracy)
    return RunScores(
        **{
            "run": name,
            "lr": "1e-5",
            "epochs": checkpoints,
            "size": size,
            "seed": 0,
            "checkpoint_epochs": np.arange(1, checkpoints + 1),
            "accuracy": accuracy,
            "perplexity": perplexity,
            "n_samples": np.full(accuracy.shape, 4),
            "test_accuracy": test,
            "unseen_accuracy": np.empty((checkpoints, 0)),
            **given,
        }
    )


def make_exact_run(name: str, shares: list[float], examples: int = 200, tests: int = 400, **given) -> RunScores:
    """A run that is right about every training example, by rote but for a share that is its test accuracy.

    Those it knows otherwise have a perplexity above P at first; all have one below it at the end.
    """
    known = np.arange(examples) < np.array(shares)[:, None] * examples
    perplexity = np.where(known, ABOVE, BELOW)
    right = np.arange(tests) < np.round(np.array(shares) * tests)[:, None]
    return make_run(name, np.ones(known.shape), perplexity, right, **given)


SHARES = [[0.1, 0.3, 0.5], [0.2, 0.4, 0.8], [0.3, 0.5, 0.6], [0.05, 0.1, 0.2], [0.3, 0.6, 0.9], [0.15, 0.7]]


def make_exact_runs(**given) -> list[RunScores]:
    return [make_exact_run(f"run {number}", shares, **given) for number, shares in enumerate(SHARES)]


def make_noisy_runs(number: int = 6, checkpoints: int = 4, examples: int = 80, tests: int = 60) -> list[RunScores]:
    """Runs as they come: accuracies of 4 answers that rise, perplexities that fall until the example is known by rote.

    The second run has half the size, and unseen examples.
    """
    random = np.random.default_rng(0)
    runs = []
    for index in range(number):
        skill = np.linspace(0.1 + 0.1 * index, 0.4 + 0.1 * index, checkpoints)[:, None]
        ease = random.uniform(-0.3, 0.3, examples)
        chance = np.clip(skill + ease, 0.02, 0.98)
        falling = 1 + 0.8 * np.linspace(1, 0.05, checkpoints)[:, None] * random.uniform(0.5, 1.5, examples)
        test = np.clip(skill + random.uniform(-0.3, 0.3, tests), 0.02, 0.98)
        runs.append(
            make_run(
                f"run {index}",
                np.where(falling < 1.25, 1.0, random.binomial(4, chance) / 4),
                falling,
                random.binomial(4, test) / 4,
                size="half" if index == 1 else "full",
                **({"unseen_accuracy": random.binomial(4, test) / 4} if index == 1 else {}),
            )
        )
    return runs


def look_up(table: pd.DataFrame, variant: str, statistic: str, x: float | None = None) -> pd.Series:
    rows = table[(table["variant"] == variant) & (table["statistic"] == statistic)]
    rows = rows if x is None else rows[rows["x"] == x]
    assert len(rows) == 1
    return rows.iloc[0]


# --- which checkpoints ----------------------------------------------------------------------------------------------


def test_points_are_chosen_by_epoch_and_size():
    runs = [*make_exact_runs(), make_exact_run("half", [0.2, 0.5, 0.6, 0.7], size="half")]
    table = ask("points", runs, make_context(figure_epochs={"half": [2, 4]}))
    numbers = {variant: look_up(table, variant, "r_squared")["n_points"] for variant in table["variant"].unique()}
    assert numbers == {
        "all checkpoints": 21,
        "those of the source's figure": 19,
        "the last of each run": 7,
        "after the first epoch": 7,
        "up to epoch 3": 20,
    }
    assert look_up(table, "all checkpoints", "r_squared")["estimate"] == pytest.approx(1)
    assert look_up(table, "all checkpoints", "r_squared_leave_one_run_out")["estimate"] == pytest.approx(1)
    assert look_up(table, "all checkpoints", "threshold")["estimate"] == pytest.approx(P)
    test = np.concatenate([run.test_accuracy.mean(axis=1) for run in runs])  # train accuracy is 1 throughout
    expected = 1 - ((1 - test) ** 2).sum() / ((test - test.mean()) ** 2).sum()
    assert look_up(table, "all checkpoints", "r_squared_of_train_accuracy")["estimate"] == pytest.approx(expected)


def test_the_first_answer_is_the_studys_own():
    runs, context = make_noisy_runs()[::-1], make_context()
    curves = predict_over_grid(runs, GRID)
    points = place_points(runs, best_threshold(calibrate(curves)))
    table = regression_table(points, curves, context.statistics, ChosenThreshold(P, "test")).set_index(
        ["predictor", "statistic"]
    )
    own = table.loc["premem_accuracy"]
    answer = ask("points", runs, context).set_index(["variant", "statistic"]).loc["all checkpoints"]
    for statistic in ("r_squared", "r_squared_leave_one_run_out", "mean_absolute_error", "threshold"):
        for number in ("estimate", "low", "high"):
            assert answer.loc[statistic, number] == pytest.approx(own.loc[statistic, number]), statistic


# --- p --------------------------------------------------------------------------------------------------------------


def test_rules_differ_where_a_perplexity_equals_p():
    # log(log(p)) is the same number on both sides of ≥, so that exactly the two entries at P differ.
    perplexity = [[P, 3.0, 1.0], [1.001, P, 1.0]]
    runs = [make_run(name, [[1, 0.5, 0], [1, 1, 0.5]], perplexity, [[0.2], [0.6]]) for name in "ab"]
    table = ask("rule", runs, make_context())
    for variant in ("at the study's p", "at any p of the grid"):
        assert look_up(table, variant, "entries_that_differ")["estimate"] == 4
    at_p = [predicted_test_accuracy(runs[0].accuracy, perplexity, p) for p in (P, P - 1e-9)]
    r2 = [1 - ((np.array([0.2, 0.6]) - each) ** 2).sum() / 0.08 for each in at_p]
    change = look_up(table, "at the study's p", "largest_change_of_r_squared")["estimate"]
    assert change == pytest.approx(abs(r2[1] - r2[0]))
    apart = [make_run("c", [[1.0, 0.5]], [[P * 1.01, P * 0.99]], [[0.5]])]
    assert look_up(ask("rule", apart, make_context()), "at the study's p", "entries_that_differ")["estimate"] == 0


def test_threshold_gives_the_curve_and_its_width():
    runs = make_noisy_runs()
    table = ask("threshold", runs, make_context())
    curve = table[(table["variant"] == "curve") & (table["statistic"] == "mean_absolute_error")]
    assert curve["x"].tolist() == pytest.approx(GRID.tolist())
    assert (curve["low"] <= curve["estimate"]).all()
    p = GRID[5]
    test = np.concatenate([run.test_accuracy.mean(axis=1) for run in runs])
    predicted = np.concatenate([predicted_test_accuracy(run.accuracy, run.perplexity, p) for run in runs])
    assert curve["estimate"].iloc[5] == pytest.approx(np.abs(test - predicted).mean())
    near = table[table["variant"].str.startswith("within")].iloc[0]
    r2 = table[(table["variant"] == "curve") & (table["statistic"] == "r_squared")].set_index("x")["estimate"]
    good = r2.index[r2 >= r2.max() - 0.05]
    assert (near["low"], near["high"]) == pytest.approx((good.min(), good.max()))
    assert r2[near["estimate"]] == pytest.approx(r2.max())
    shifted = table[(table["variant"] == "study's p, shifted") & (table["statistic"] == "threshold")]
    assert np.log(np.log(shifted["estimate"])).tolist() == pytest.approx((np.log(np.log(P)) + shifted["x"]).tolist())


def test_calibration_on_other_points_agrees_where_the_relation_is_exact():
    table = ask("calibration", make_exact_runs(), make_context())
    for variant in ("all runs", "other half of the questions"):
        assert look_up(table, variant, "r_squared")["estimate"] == pytest.approx(1, abs=0.02)
    some = table[(table["variant"] == "some runs") & (table["statistic"] == "r_squared")]
    assert some["x"].tolist() == [1, 2, 3]
    assert some["estimate"].tolist() == pytest.approx([1, 1, 1])


def test_the_p_of_another_pair_is_judged_beside_the_range_that_fits():
    others = {"low": float(GRID[3]), "near": P}
    table = ask("transfer", make_exact_runs(), make_context(other_thresholds=others))
    assert look_up(table, "p of this pair", "r_squared")["estimate"] == pytest.approx(1)
    assert look_up(table, "p of near", "r_squared")["estimate"] == pytest.approx(1)
    low = look_up(table, "p of low", "mean_absolute_error")
    assert low["estimate"] == pytest.approx(1 - np.mean(np.concatenate(SHARES)))  # nothing counts as memorized
    text = scrutiny_page("m on d", table, {})
    assert "The p of low does not lie in this range. The p of near lies in this range." in text
    assert ask("transfer", make_exact_runs(), make_context())["note"].tolist() == ["the study has no other pair"]


def make_rates() -> list[RunScores]:
    """Ten runs of two learning rates, of which the last three have half the size.

    Premem accuracy is test accuracy, or 0.1 more at one of the learning rates. Train accuracy equals premem accuracy on
    the full-size runs, and is 1 on the others.
    """
    runs = []
    for number in range(10):
        shares, off = np.array([0.1, 0.3, 0.5]) + 0.02 * number, 0.1 if number % 2 else 0.0
        known = np.arange(200) < np.round((shares + off)[:, None] * 200)
        right = known | (number >= 7)
        test = np.arange(400) < np.round(shares * 400)[:, None]
        rate = {"lr": "1e-4" if number % 2 else "1e-5", "size": "half" if number >= 7 else "full"}
        runs.append(make_run(f"run {number}", right, np.where(known, ABOVE, BELOW), test, **rate))
    return runs


def test_groups_tell_the_bias_of_learning_rates_and_what_smaller_runs_carry():
    runs = make_rates()
    table = ask("groups", runs, make_context(grid=np.array([P])))
    bias = look_up(table, "lr 1e-4", "bias")
    assert bias["n_runs"] == 5
    assert bias[["estimate", "low", "high"]].tolist() == pytest.approx([0.1, 0.1, 0.1], abs=0.004)
    assert look_up(table, "lr 1e-5", "bias")["estimate"] == pytest.approx(0, abs=0.004)
    test = np.concatenate([run.test_accuracy.mean(axis=1) for run in runs])
    off = np.repeat([0.0, 0.1] * 5, 3)
    expected = 1 - (off**2).sum() / ((test - test.mean()) ** 2).sum()
    assert look_up(table, "p without the learning rate that is judged", "r_squared")["estimate"] == pytest.approx(
        expected, abs=0.01
    )
    for variant, upper in ((HALF_OF_BEST, test >= test.max() / 2), (BETTER_HALF, test >= np.median(test))):
        expected = 1 - (off[upper] ** 2).sum() / ((test[upper] - test[upper].mean()) ** 2).sum()
        row = look_up(table, variant, "r_squared")
        assert row["n_points"] == upper.sum()
        assert row["estimate"] == pytest.approx(expected, abs=0.02)
    full = look_up(table, "runs of the largest size", "r_squared_of_train_accuracy")
    expected = 1 - (off[:21] ** 2).sum() / ((test[:21] - test[:21].mean()) ** 2).sum()
    assert (full["n_runs"], full["n_points"]) == (7, 21)
    assert full["estimate"] == pytest.approx(expected, abs=0.01)


def test_the_difference_is_paired_by_resample():
    runs = make_rates()[:6]  # train accuracy equals premem accuracy, so that every resample gives 0
    table = ask("differences", runs, make_context(grid=np.array([P, P + 1e-9])))
    for variant in ("p tuned", "p calibrated without the run"):
        row = look_up(table, variant, "difference_of_r_squared")
        assert row[["estimate", "low", "high"]].tolist() == pytest.approx([0, 0, 0], abs=1e-9)
    row = look_up(ask("differences", make_rates(), make_context()), "p tuned", "difference_of_r_squared")
    assert row["low"] <= row["estimate"] <= row["high"]
    assert row["estimate"] > 0.5


def test_regret_by_hand():
    right = np.ones((2, 10))
    perplexity = np.full((2, 10), [[2.0], [1.5]])
    runs = [
        # train accuracies 0.9 and 1, test accuracies 0.2 and 0.5: what is right by rote
        make_run("a", right * [[0.9], [1]], perplexity, [[0.2] * 5, [0.5] * 5]),
        make_run("b", right * [[0.3], [0.5]], perplexity + 0.1, [[0.4] * 5, [0.8] * 5]),
        make_run("c", right * [[0.2], [0.4]], perplexity + 0.2, [[0.3] * 5, [0.1] * 5], size="half"),
    ]
    runs[2] = replace(runs[2], accuracy=runs[2].accuracy[:, :5], perplexity=runs[2].perplexity[:, :5])
    table = ask("regret", runs, make_context())

    def lost(variant: str) -> float:
        return float(look_up(table, variant, "regret")["estimate"])

    for rule in ("highest train accuracy", "least training loss"):
        assert lost(f"whole sweep: {rule}") == pytest.approx(0.3)  # run a's last, where run b's last has 0.8
        assert lost(f"largest size: {rule}") == pytest.approx(0.3)
        assert lost(f"within a run: {rule}") == pytest.approx(0.2 / 3)  # only in run c is the last not the best
    assert lost("whole sweep: last checkpoint of a random run") == pytest.approx(np.mean([0.3, 0, 0.7]))
    assert lost("within a run: last checkpoint") == pytest.approx(0.2 / 3)
    page = scrutiny_page("m on d", table, {})
    assert "Within a run: highest train accuracy, least training loss, last checkpoint (0.067)." in page
    assert "Largest size: last checkpoint of a random run (0.150)." in page


def test_intervals_of_exchangeable_runs_cover_whole_runs():
    random = np.random.default_rng(3)
    runs = []
    for number in range(60):
        shares = np.sort(random.uniform(0.1, 0.9, 3))
        off = np.clip(shares + random.normal(0, 0.05), 0, 1)  # the checkpoints of a run err together
        known = np.arange(500) < np.round(off * 500)[:, None]
        test = np.arange(500) < np.round(shares * 500)[:, None]
        runs.append(make_run(f"run {number}", known, np.where(known, ABOVE, BELOW), test))
    table = ask("intervals", runs, make_context(grid=np.array([P])))
    covered = look_up(table, "a run's largest residual as its score", "runs_covered")["estimate"]
    assert 0.85 <= covered <= 0.95
    assert ask("intervals", runs[:9], make_context())["note"].str.contains("needs 9 of them, so 10 runs").all()


def test_labels_are_worth_what_their_standard_error_says():
    # Every checkpoint is off by 0.03; the plain mean of k answers of a chance of 1/2 is off by sqrt(2/π · 0.25 / k).
    random = np.random.default_rng(1)
    runs = []
    for name in "abcdef":
        share = np.array([0.3, 0.45, 0.6]) + random.integers(-5, 6) / 100
        run = make_exact_run(name, share.tolist(), examples=100, tests=1000)
        shown = random.permuted(run.test_accuracy, axis=1)
        off = np.where(np.arange(100) < 100 * (share + np.array([0.03, -0.03, 0.03]))[:, None], ABOVE, BELOW)
        runs.append(make_run(name, run.accuracy, off, shown))
    table = ask("labels", runs, make_context())
    error = look_up(table, "premem", "mean_absolute_error")["estimate"]
    assert error == pytest.approx(0.03, abs=0.003)
    spread = np.mean([np.sqrt(m * (1 - m)) for run in runs for m in run.test_accuracy.mean(axis=1)])
    expected = 2 / np.pi * (spread / error) ** 2
    found = look_up(table, "premem", "labels_of_equal_error")
    assert found["estimate"] == pytest.approx(expected, rel=0.1)
    assert found["low"] <= found["estimate"] <= found["high"]
    assert "sampling noise" in found["note"]
    every = look_up(table, "p from the labels", "mean_absolute_error", 1000)["estimate"]
    assert every == pytest.approx(error, abs=0.003)


def test_too_few_test_examples_are_said_to_be_so():
    found = look_up(ask("labels", make_exact_runs(tests=20), make_context()), "premem", "labels_of_equal_error")
    assert found["estimate"] == 20
    assert "not enough" in found["note"]


def test_p_is_found_from_unseen_examples():
    # The unseen examples are answered like the test set, which the exact runs predict at P.
    smaller = make_exact_run("half", [0.2, 0.4, 0.7], size="half")
    smaller = make_run(
        "half",
        smaller.accuracy,
        smaller.perplexity,
        smaller.test_accuracy,
        "half",
        unseen_accuracy=smaller.test_accuracy,
    )
    wrong = replace(smaller, run="wrong", unseen_accuracy=np.ones(smaller.unseen_accuracy.shape))
    table = ask("unseen", [*make_exact_runs(), smaller, wrong], make_context())
    alone = look_up(table, "all runs, p from one run alone", "threshold")
    assert alone["low"] < (GRID[9] + P) / 2  # the wrong run alone takes all that is right for understood
    assert alone["high"] == pytest.approx(P, abs=0.01)
    resampled = look_up(table, "all runs, p from resampled runs", "r_squared")
    assert resampled["low"] < resampled["high"] == pytest.approx(1)
    table = ask("unseen", [*make_exact_runs(), smaller], make_context())
    assert "all runs, p from one run alone" not in set(table["variant"])
    assert look_up(table, "p from unseen examples", "threshold")["estimate"] == pytest.approx(P)
    assert look_up(table, "runs that p was not calibrated on", "r_squared")["estimate"] == pytest.approx(1)
    assert look_up(table, "runs that p was not calibrated on", "r_squared")["n_runs"] == 6
    assert look_up(table, "all runs", "r_squared")["n_runs"] == 7


# --- the metric -----------------------------------------------------------------------------------------------------


def test_placebo_loses_what_perplexity_knows_of_examples():
    # Half of the examples are solved and never memorized as far as the test accuracy goes; the other half is memorized
    # without being solved in a run, solved in others: only which examples they are tells test accuracy.
    random = np.random.default_rng(0)
    runs = []
    for name, overlap in zip("abcdef", np.linspace(0.1, 0.9, 6), strict=True):
        accuracy = np.tile((np.arange(200) < 100).astype(float), (2, 1))
        unmemorized = np.concatenate([np.arange(100) < 100 * overlap, np.arange(100) >= 100 * overlap])
        test = np.tile(random.permutation(np.arange(100) < 50 * overlap), (2, 1))
        runs.append(make_run(name, accuracy, np.tile(np.where(unmemorized, ABOVE, BELOW), (2, 1)), test))
    table = ask("placebo", runs, make_context())
    assert look_up(table, "true perplexities", "r_squared")["estimate"] == pytest.approx(1, abs=1e-3)
    for variant in ("whole histories shuffled", "each checkpoint shuffled"):
        assert look_up(table, variant, "r_squared")["high"] < 0.3
        assert look_up(table, variant, "share_reaching_r_squared")["estimate"] == 0
    one_by_one = table[table["variant"] == "whole histories shuffled, one by one"]
    assert len(one_by_one[one_by_one["statistic"] == "r_squared"]) == 100


def test_placebo_keeps_what_needs_no_example():
    # Every example is alike but for its perplexity, so that it does not matter whose perplexity it is.
    table = ask("placebo", make_exact_runs(), make_context())
    assert look_up(table, "whole histories shuffled", "r_squared")["low"] == pytest.approx(1)
    assert look_up(table, "whole histories shuffled", "share_reaching_r_squared")["estimate"] == 1


def test_formula_by_hand():
    # Two checkpoints, and only one p to choose: the first example is memorized at the second checkpoint.
    run = make_run("a", [[0.5, 0.2], [1.0, 0.1]], [[3.0, 3.0], [1.001, 3.0]], [[0.3], [0.6]])
    table = ask("formula", [run], make_context(grid=np.array([P])))
    test = np.array([0.3, 0.6])
    for variant, second in {
        "the definition": 0.3,  # (min(.5, 1) + min(.2, .1)) / 2
        "no look back (min alone)": 0.05,
        "no cap (max alone)": 0.35,
        "looks back at the first checkpoint only": 0.3,
        "looks back at the first 3 epochs only": 0.3,
        "train accuracy of the first checkpoint, throughout": 0.35,
        "train accuracy": 0.55,
    }.items():
        expected = np.abs(test - [0.35, second]).mean()
        assert look_up(table, variant, "mean_absolute_error")["estimate"] == pytest.approx(expected), variant


def test_samples_of_all_answers_are_the_studys_own():
    runs = make_noisy_runs()
    table = ask("samples", runs, make_context())
    own = look_up(ask("points", runs, make_context()), "all checkpoints", "r_squared")["estimate"]
    row = look_up(table, "p calibrated anew", "r_squared", 4)
    assert row["estimate"] == pytest.approx(own)
    assert np.isnan(row["low"])
    assert sorted(table["x"].unique()) == [1, 2, 3, 4]
    bias = [look_up(table, "p of all samples", "bias", n)["estimate"] for n in (1, 4)]
    assert bias[0] > bias[1] or bias[0] == pytest.approx(bias[1], abs=0.02)


def test_larger_samples_are_taken_where_there_are_some():
    few = make_noisy_runs()
    more = np.full(few[0].accuracy.shape, 10)
    runs = [
        make_run(
            run.run, run.accuracy, run.perplexity, run.test_accuracy, accuracy_of_more=run.accuracy, more_samples=more
        )
        if number < 3
        else run
        for number, run in enumerate(few)
    ]
    table = ask("samples", runs, make_context())
    assert set(table["n_runs"]) == {3}
    assert table["x"].max() == 10


def test_checkpoints_are_left_out_from_the_last_backwards():
    runs = make_noisy_runs()
    table = ask("checkpoints", runs, make_context())
    mean = {
        name: look_up(table, f"{name}, study's p", "r_squared")["x"]
        for name in ("every checkpoint", "every 2nd, back from the last", "first and last", "only the last")
    }
    assert list(mean.values()) == [4, 2, 2, 1]
    test = np.array([run.test_accuracy[-1].mean() for run in runs])
    alone = np.array([predicted_test_accuracy(run.accuracy[-1:], run.perplexity[-1:], P)[-1] for run in runs])
    row = look_up(table, "only the last, study's p", "mean_absolute_error")
    assert row["estimate"] == pytest.approx(np.abs(test - alone).mean())
    assert row["n_points"] == len(runs)


def test_early_ends_at_the_final_fit():
    runs = make_noisy_runs()
    table = ask("early", runs, make_context())
    final = look_up(table, "premem accuracy", "r_squared", 1)["estimate"]
    expected = look_up(ask("checkpoints", runs, make_context()), "every checkpoint, study's p", "r_squared")["estimate"]
    assert final == pytest.approx(expected)
    assert look_up(table, "test accuracy so far", "r_squared", 1)["estimate"] == pytest.approx(1)
    first, last = (np.array([run.test_accuracy[at].mean() for run in runs]) for at in (0, -1))
    error = look_up(table, "test accuracy so far", "mean_absolute_error", 0)["estimate"]
    assert error == pytest.approx(np.abs(first - last).mean())


# --- all questions --------------------------------------------------------------------------------------------------


def make_bare_run() -> RunScores:
    """A single checkpoint of a single answer to each of two examples, and one test example."""
    return make_run("bare", [[1.0, 0.0]], [[2.0, 1.1]], [[1.0]], n_samples=np.ones((1, 2), dtype=int))


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return scrutinize(make_noisy_runs(), make_context(other_thresholds={"m on d": 1.3}))


def test_the_same_input_gives_the_same_answers(answers):
    again = scrutinize(make_noisy_runs(), make_context(other_thresholds={"m on d": 1.3}))
    pd.testing.assert_frame_equal(answers, again)
    assert list(answers.columns) == COLUMNS
    assert list(answers["question"].unique()) == list(QUESTIONS) == list(HEADINGS)


@pytest.mark.parametrize("runs", [[make_bare_run()], [make_bare_run()] * 2, make_noisy_runs(2)])
def test_missing_data_are_told(runs, tmp_path):
    table = scrutinize(runs, make_context())
    table.to_csv(tmp_path / "table.csv", index=False)
    page = scrutiny_page("m on d", pd.read_csv(tmp_path / "table.csv"), {})
    assert "those of the source's figure: the study does not say which those are" in page
    if runs[0].run == "bare":
        assert "no run has training examples that it did not train on" in page
        assert "no run has 3 checkpoints" in page
        assert "no run has more than one sampled answer per prompt" in page
    check_page(page)
    for question in FIGURES:
        check_legible(plot(question, table, Figures()))


def test_runs_tested_on_different_examples_are_told():
    runs = [*make_exact_runs(), make_exact_run("other", [0.2, 0.4], tests=50)]
    for question in ("labels", "calibration"):
        assert ask(question, runs, make_context())["note"].str.contains("different numbers of examples").any()


def check_page(page: str) -> None:
    for heading in HEADINGS.values():
        assert f"## {heading}\n" in page
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", page, re.IGNORECASE)


def check_legible(figure: matplotlib.figure.Figure) -> None:
    with matplotlib.rc_context(style.LOOK):
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        box = figure.get_tightbbox(renderer)
    assert box.xmin > -0.05
    assert box.ymin > -0.05
    assert box.xmax < figure.get_figwidth() + 0.05
    assert box.ymax < figure.get_figheight() + 0.05


def test_the_page_names_every_question(answers):
    page = scrutiny_page("m on d", answers, {question: f"scrutiny/{question}.png" for question in FIGURES})
    check_page(page)
    assert page.startswith("# Questions that reviewers ask: m on d\n")
    assert page.count("](scrutiny/") == len(FIGURES)
    row = look_up(answers, "all checkpoints", "r_squared")
    assert write_number(row) in page


def test_figures_are_legible(answers):
    for question in FIGURES:
        figure = plot(question, answers, Figures())
        assert figure.get_figwidth() == Figures().width
        check_legible(figure)


def test_scripts_write_a_table_a_page_and_figures(tmp_path, monkeypatch, root):
    monkeypatch.syspath_prepend(root / "workflow" / "scripts")
    import plot_scrutiny
    import scrutinize as script

    memorization, tests = [], []
    for run in make_noisy_runs():
        for at, epoch in enumerate(run.checkpoint_epochs):
            named = {"run": run.run, "epoch": epoch}
            ids = [f"train-{number}" for number in range(run.accuracy.shape[1])]
            scores = {
                "accuracy": run.accuracy[at],
                "n_samples": 4,
                "perplexity": run.perplexity[at],
                "trained_on": True,
            }
            memorization.append(
                pd.DataFrame(
                    {**named, "lr": "1e-5", "epochs": 4, "size": run.size, "seed": 0, "example_id": ids, **scores}
                )
            )
            ids = [f"test-{number}" for number in range(run.test_accuracy.shape[1])]
            shares = {"accuracy": run.test_accuracy[at], "n_samples": 4}
            tests.append(pd.DataFrame({**named, "test_set": "test", "example_id": ids, **shares}))
    for name, tables in (("memorization", memorization), ("tests", tests)):
        pd.concat(tables).to_parquet(tmp_path / f"{name}.parquet")
    own, other = (tmp_path / "pairs" / "m" / name / "threshold.json" for name in ("d", "e"))
    for path in (own, other):
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"threshold": P, "source": "value" if path == own else "test"}))
    table, page = own.with_name("scrutiny.csv"), own.with_name("scrutiny.md")
    script.main(
        memorization=tmp_path / "memorization.parquet",
        tests=tmp_path / "tests.parquet",
        threshold=own,
        test_set="test",
        grid=script.Threshold(grid=Grid(points=16)),
        statistics=Statistics(resamples=20),
        other_thresholds=[other],
        figure_epochs={},
        out=table,
    )
    shown = [own.parent / "figures" / "scrutiny" / f"labels.{kind}" for kind in ("pdf", "png")]
    plot_scrutiny.main(table=table, title="m on d", settings=Figures(dpi=50), figures=shown, out=page)
    assert all(path.stat().st_size > 1000 for path in shown)
    text = page.read_text()
    check_page(text)
    assert "p of m on e" in text
    assert "(figures/scrutiny/labels.png)" in text


# --- the authors' released results ----------------------------------------------------------------------------------


def test_released_gsm8k_results(shared_data: Path):
    folder = shared_data / "published" / "ckpts"
    if not folder.is_dir():
        pytest.skip(f"the authors' results are not at {folder} (PREMEM_SHARED)")
    imported = read_release(folder, "gsm8k_orig", "llama3-8b", "gsm8k")
    runs = runs_of_tables(imported.memorization, imported.tests, "test")
    context = make_context(
        threshold=float(np.exp(np.exp(-2.3))),
        grid=threshold_grid(Grid()),
        figure_epochs={"half": [2, 4, 6], "quarter": [4, 8, 12]},
    )
    table = ask("points", runs, context)
    assert look_up(table, "all checkpoints", "r_squared")["estimate"] == pytest.approx(0.9353, abs=5e-5)
    assert look_up(table, "those of the source's figure", "r_squared")["n_points"] == 45
    assert look_up(table, "all checkpoints", "r_squared_of_train_accuracy")["estimate"] == pytest.approx(
        -6.04, abs=5e-3
    )
    assert (ask("rule", runs, context)["estimate"] == 0).all()
    unseen = ask("unseen", runs, context)
    assert look_up(unseen, "p from unseen examples", "threshold")["estimate"] == pytest.approx(1.108, abs=1e-3)
    assert look_up(unseen, "all runs", "r_squared")["estimate"] == pytest.approx(0.933, abs=1e-3)
    labels = ask("labels", runs, context)
    assert look_up(labels, "premem", "labels_of_equal_error")["estimate"] == pytest.approx(99, abs=5)
