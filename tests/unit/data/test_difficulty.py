"""Difficulty labels of a dataset."""

import pandas as pd
import pytest

from premem.base.errors import UserError
from premem.config.dataset import Dataset
from premem.data.difficulty import difficulty_of


def test_labels_become_numbers():
    table = pd.DataFrame({"level": ["Level 5", "Level 1", "Level ?"], "steps": [2, 3, 2]}, index=[4, 7, 9])
    pd.testing.assert_series_equal(
        difficulty_of(table, "level"), pd.Series([5, 1, float("nan")], index=[4, 7, 9], name="difficulty")
    )
    assert difficulty_of(table, "steps").tolist() == [2, 3, 2]


def test_lines_of_the_solution_are_counted():
    table = pd.DataFrame({"solution": ["one\ntwo\n\n#### 3\n", "#### 1"]})
    assert difficulty_of(table, "lines").tolist() == [3, 1]


def test_what_is_no_label_is_refused():
    table = pd.DataFrame({"type": ["Algebra"]})
    with pytest.raises(UserError, match="no value of the column 'type' holds a number, such as 'Algebra'"):
        difficulty_of(table, "type")
    with pytest.raises(UserError, match="there is no column 'level'"):
        difficulty_of(table, "level")


def test_a_dataset_names_a_column_that_it_keeps():
    splits = {"train": {"files": ["a.jsonl"]}, "test": {"test": {"files": ["b.jsonl"]}}, "answers": "gsm8k"}
    assert Dataset(**splits, columns={"grade": "Grade"}, difficulty="grade").difficulty == "grade"
    assert Dataset(**splits, difficulty="lines").difficulty == "lines"
    with pytest.raises(ValueError, match="'level' is neither lines nor one of the dataset's columns"):
        Dataset(**splits, columns={"grade": "Grade"}, difficulty="level")
