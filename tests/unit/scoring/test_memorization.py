"""The formulas of Kang et al. 2025, section 4, against numbers worked by hand, and their properties."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from premem.base.errors import UserError
from premem.scoring import memorization

# Three checkpoints (rows) of three examples (columns), and p = 1.5:
ACCURACY = np.array([[0.0, 0.4, 0.2], [0.6, 0.8, 0.6], [0.8, 0.2, 1.0]])
PERPLEXITY = np.array([[2.0, 1.8, 1.4], [1.6, 1.5, 1.2], [1.1, 1.05, 1.6]])


def test_perplexity_is_the_exponential_of_the_mean_nll():
    assert memorization.perplexity([0.0, 3.0, np.log(8)], [5, 3, 3]) == pytest.approx([1.0, np.e, 2.0])


def test_memorized_means_perplexity_at_or_below_p():
    masked = memorization.masked_accuracy(ACCURACY, PERPLEXITY, 1.5)
    assert masked.tolist() == [[0.0, 0.4, 0.0], [0.6, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_premem_accuracy_by_hand():
    # Best unmemorized accuracy so far: [0, .4, 0], [.6, .4, 0], [.6, .4, 1]; no more than the accuracy itself.
    premem = memorization.premem_accuracy(ACCURACY, PERPLEXITY, 1.5)
    assert premem.tolist() == [[0.0, 0.4, 0.0], [0.6, 0.4, 0.0], [0.6, 0.2, 1.0]]
    predicted = memorization.predicted_test_accuracy(ACCURACY, PERPLEXITY, 1.5)
    assert predicted == pytest.approx([0.4 / 3, 1.0 / 3, 1.8 / 3])


def test_many_thresholds_broadcast():
    thresholds = np.array([1.0, 1.5, 3.0])
    predicted = memorization.predicted_test_accuracy(ACCURACY, PERPLEXITY, thresholds[:, None, None])
    assert predicted.shape == (3, 3)
    assert predicted[0] == pytest.approx(ACCURACY.mean(axis=1))  # nothing is memorized
    assert predicted[1] == pytest.approx([0.4 / 3, 1.0 / 3, 1.8 / 3])
    assert predicted[2] == pytest.approx([0, 0, 0])  # everything is


SHAPE = (4, 5)
accuracies = arrays(float, SHAPE, elements=st.floats(0, 1))
perplexities = arrays(float, SHAPE, elements=st.floats(1, 10))
thresholds = st.floats(1, 10)


@given(accuracies, perplexities, thresholds, thresholds)
def test_properties(accuracy, perplexity, p, q):
    premem = memorization.premem_accuracy(accuracy, perplexity, min(p, q))
    assert (premem <= accuracy).all()
    assert (premem >= 0).all()
    stricter = memorization.premem_accuracy(accuracy, perplexity, max(p, q))
    assert (stricter <= premem).all()  # the higher p, the more counts as memorized
    np.testing.assert_array_equal(memorization.premem_accuracy(accuracy, perplexity, 0.5), accuracy)


GRADES = pd.DataFrame(
    {
        "split": ["train"] * 4 + ["test"] * 2,
        "example_id": ["a", "a", "b", "b", "t", "t"],
        "epoch": 1,
        "strict": ["correct", "incorrect", "no_answer", "incorrect", "correct", "correct"],
    }
)


def test_accuracy_is_the_share_of_correct_answers():
    accuracy = memorization.sampled_accuracy(GRADES, "strict").set_index("example_id")
    assert accuracy["accuracy"].to_dict() == {"a": 0.5, "b": 0.0, "t": 1.0}
    assert (accuracy["n_samples"] == 2).all()


def test_memorization_table_names_the_file_that_lacks_an_example():
    accuracy = memorization.sampled_accuracy(GRADES, "strict")
    whole = pd.DataFrame({"example_id": ["a", "b"], "epoch": 1, "perplexity": [1.1, 2.0]})
    files = Path("run/grades.parquet"), Path("run/perplexity.parquet")
    table = memorization.memorization_table(accuracy, whole, *files)
    assert table[["example_id", "accuracy", "perplexity"]].to_numpy().tolist() == [["a", 0.5, 1.1], ["b", 0.0, 2.0]]
    with pytest.raises(UserError, match=r"^run/perplexity\.parquet: .* no perplexity, such as b after epoch 1; delete"):
        memorization.memorization_table(accuracy, whole[:1], *files)
    with pytest.raises(
        UserError, match=r"^run/epoch-1/samples\.parquet: 1 .* as b; delete .* run/grades\.parquet"
    ):
        memorization.memorization_table(accuracy[accuracy["example_id"] != "b"], whole, *files)
