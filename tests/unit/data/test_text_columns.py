"""Prompts and targets from the columns that templates name."""

import pandas as pd
import pytest

from premem.base.errors import UserError
from premem.config.data import Templates, fill_in
from premem.data.text_columns import texts_of_columns

EXAMPLES = pd.DataFrame(
    {"example_id": ["a", "b"], "question": ["1 {options}?", "2?"], "options": ["(A) x", "(A) y"], "level": [3, 4]}
)


def test_every_column_may_be_named_and_no_text_is_read_as_a_template():
    templates = Templates(prompt="{question} {options} [{level}]\nAnswer:", target=" {solution}.", stop=".")
    rows = texts_of_columns(EXAMPLES.assign(solution="A"), templates.columns_named, "datasets.mine")
    assert templates.write_prompt(rows[0]) == "1 {options}? (A) x [3]\nAnswer:"
    assert templates.write_target(rows[1]) == " A."


def test_a_word_in_braces_after_a_latex_command_is_text():
    assert fill_in("\\boxed{answer} {answer}", {"answer": "7"}) == "\\boxed{answer} 7"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["x", None], "example b has no value there"),
        (["x", float("nan")], "example b has no value there"),
        ([["x"], "y"], "example a has a list there"),
    ],
)
def test_what_is_no_text_is_refused_with_the_example(values, said):
    with pytest.raises(UserError, match=said):
        texts_of_columns(EXAMPLES.assign(options=values), ["options"], "datasets.mine")


def test_a_column_that_the_data_lack_is_refused():
    with pytest.raises(UserError, match=r"names \{hint\}, but the data have no such column"):
        texts_of_columns(EXAMPLES, ["hint"], "datasets.mine")
