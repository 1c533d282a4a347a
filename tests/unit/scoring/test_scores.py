"""premem.scoring.scores: tables of scores become runs, points and curves."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from premem.base.errors import UserError
from premem.scoring.memorization import predicted_over_thresholds, predicted_test_accuracy
from premem.scoring.scores import MEMORIZATION_COLUMNS, TEST_COLUMNS, place_points, predict_over_grid, runs_of_tables

# Three checkpoints (rows) of three examples (columns), and p = 1.5:
ACCURACY = np.array([[0.0, 0.4, 0.2], [0.6, 0.8, 0.6], [0.8, 0.2, 1.0]])
PERPLEXITY = np.array([[2.0, 1.8, 1.4], [1.6, 1.5, 1.2], [1.1, 1.05, 1.6]])


def make_tables(name: str = "one") -> tuple[pd.DataFrame, pd.DataFrame]:
    """A run of three checkpoints, three examples and two test examples, in no order."""
    run = {"run": name, "lr": "1e-2", "epochs": 6, "size": "half", "seed": 1}
    memorization = pd.DataFrame(
        {
            "epoch": np.repeat([2, 4, 6], 3),
            "example_id": list("abc") * 3,
            "accuracy": ACCURACY.ravel(),
            "n_samples": 5,
            "perplexity": PERPLEXITY.ravel(),
            "trained_on": True,
        }
    ).assign(**run)[MEMORIZATION_COLUMNS]
    tests = pd.DataFrame(
        {
            "run": name,
            "epoch": [6, 6, 2, 2, 4, 4],
            "test_set": "test",
            "example_id": list("xy") * 3,
            "accuracy": [1, 0.5, 0, 0.5, 0, 1],
            "n_samples": 2,
        }
    )[TEST_COLUMNS]
    return memorization.sample(frac=1, random_state=0), tests


def test_points_by_hand():
    points = place_points(runs_of_tables(*make_tables(), "test"), 1.5)
    assert points["epoch"].tolist() == [2, 4, 6]
    assert points["train_accuracy"].tolist() == pytest.approx([0.2, 2 / 3, 2 / 3])
    assert points["predicted_test_accuracy"].tolist() == pytest.approx([0.4 / 3, 1.0 / 3, 1.8 / 3])
    assert points["test_accuracy"].tolist() == [0.25, 0.5, 0.75]
    assert points["n"].tolist() == [3, 3, 3]
    assert (points[["run", "lr", "epochs", "size", "seed"]] == ["one", "1e-2", 6, "half", 1]).all(axis=None)


def test_curves_are_the_points_at_every_threshold():
    first, second = (runs_of_tables(*make_tables(name), "test") for name in ("one", "two"))
    curves = predict_over_grid([*first, *second], [1.1, 1.5, 1.9])
    columns = ["run", "epoch", "threshold", "predicted_test_accuracy", "test_accuracy", "unseen_accuracy"]
    assert curves.columns.tolist() == columns
    for p, rows in curves.groupby("threshold"):
        expected = place_points([*first, *second], p)
        for column in ("run", "epoch", "predicted_test_accuracy", "test_accuracy"):
            assert rows[column].tolist() == pytest.approx(expected[column].tolist())


shapes = st.tuples(st.integers(1, 5), st.integers(1, 6))


@given(data=st.data(), shape=shapes)
def test_all_thresholds_in_one_pass_are_the_definition_at_each(data, shape):
    accuracy = data.draw(arrays(float, shape, elements=st.sampled_from([0, 0.25, 0.5, 1])))
    perplexity = data.draw(arrays(float, shape, elements=st.sampled_from([1, 1.1, 1.3, 1.5, 1.9, 2.5])))
    thresholds = np.array([1, 1.05, 1.1, 1.5, 1.6, 2.5, 3])
    found = predicted_over_thresholds(accuracy, perplexity, thresholds)
    expected = np.stack([predicted_test_accuracy(accuracy, perplexity, p) for p in thresholds], axis=1)
    assert found == pytest.approx(expected)


def test_a_checkpoint_may_be_told_where_to_look():
    thresholds = np.array([1.5])
    # Only the first checkpoint: its masked accuracy is [0, .4, 0], no more than the accuracy itself.
    first = np.array([[True, False, False]] * 3)
    found = predicted_over_thresholds(ACCURACY, PERPLEXITY, thresholds, use=first)
    assert found.ravel().tolist() == pytest.approx([0.4 / 3, 0.4 / 3, 0.2 / 3])
    # The best so far, not cut at the accuracy itself: [0, .4, 0], [.6, .4, 0], [.6, .4, 1].
    found = predicted_over_thresholds(ACCURACY, PERPLEXITY, thresholds, capped=False)
    assert found.ravel().tolist() == pytest.approx([0.4 / 3, 1.0 / 3, 2.0 / 3])


def test_examples_that_a_run_did_not_train_on_stand_apart():
    memorization, tests = make_tables()
    unseen = memorization["example_id"] == "b"
    (run,) = runs_of_tables(memorization.assign(trained_on=~unseen), tests, "test")
    assert run.accuracy.tolist() == ACCURACY[:, [0, 2]].tolist()
    assert run.unseen_accuracy.tolist() == ACCURACY[:, [1]].tolist()


def test_a_missing_example_or_checkpoint_is_named():
    memorization, tests = make_tables()
    gone = (memorization["example_id"] == "b") & (memorization["epoch"] == 4)
    with pytest.raises(UserError, match="run one: example b has no accuracy at epoch 4"):
        runs_of_tables(memorization[~gone], tests, "test")
    with pytest.raises(UserError, match="run one: there are no accuracies on test set test at epoch 6"):
        runs_of_tables(memorization, tests[tests["epoch"] != 6], "test")
    with pytest.raises(UserError, match="no accuracies on test set harder"):
        runs_of_tables(memorization, tests, "harder")
