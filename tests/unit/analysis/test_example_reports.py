"""Reports on training examples: when each was memorized, how they are ordered, and a page that no text can break."""

import re

import numpy as np
import pandas as pd
import pytest

from premem.analysis.example_reports import examples_page, examples_table, memorized_at, typical_samples
from premem.report.markdown import fenced
from premem.scoring.threshold import ChosenThreshold

P = 1.3


def test_an_example_is_memorized_at_its_first_checkpoint_with_a_perplexity_of_at_most_p():
    perplexity = [[1.6, 1.6, 1.3, 1.6], [1.3, 1.6, 1.1, 1.2], [1.2, 1.31, 1.4, 1.5]]
    assert np.array_equal(memorized_at([3, 6, 9], perplexity, P), [6, np.nan, 3, 6], equal_nan=True)


@pytest.fixture
def memorization():
    """a: solved, then memorized; b: solved later; c: never solved, memorized; d: memorized later than a."""
    accuracy = {"a": [1, 1, 1], "b": [0, 0, 0.5], "c": [0, 0, 1], "d": [0.5, 1, 1]}
    perplexity = {"a": [1.5, 1.2, 1.1], "b": [2, 1.9, 1.8], "c": [1.9, 1.3, 1.1], "d": [1.9, 1.7, 1.2]}
    return pd.DataFrame(
        [
            (example, epoch, accuracy[example][i], perplexity[example][i])
            for i, epoch in enumerate((5, 10, 15))
            for example in accuracy
        ],
        columns=["example_id", "epoch", "accuracy", "perplexity"],
    ).assign(trained_on=True)


CHOSEN = ChosenThreshold(P, "unseen")
DATA = pd.DataFrame({"example_id": list("dcbax"), "question": list("DCBAX"), "solution": list("4321x"), "answer": "7"})


def test_the_table_has_the_history_of_every_example_from_the_most_learned(memorization):
    table = examples_table(memorization, P, DATA.assign(subset_rank=0, level=3)).set_index("example_id")
    assert list(table.index) == ["d", "a", "b", "c"]
    assert table["premem_accuracy"].tolist() == [1, 1, 0.5, 0]
    assert table["early_accuracy"].tolist() == pytest.approx([1.5 / 3, 1 / 3, 0.5 / 3, 0])
    assert table["memorized_at"].astype(object).where(table["memorized_at"].notna(), None).tolist() == [
        15,
        10,
        None,
        10,
    ]
    assert table.loc["b", ["accuracy_epoch_5", "accuracy_epoch_15", "perplexity_epoch_10"]].tolist() == [0, 0.5, 1.9]
    assert table["question"].tolist() == list("DABC")
    assert "level" in table
    assert "predicted_drop" not in table
    drops = pd.Series({"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4})
    assert examples_table(memorization, P, DATA, drops)["predicted_drop"].tolist() == [0.4, 0.1, 0.2, 0.3]


def test_labels_of_difficulty_are_a_column_beside_the_dataset_s_own(memorization):
    labels = pd.Series({"a": 1.0, "b": 2.5, "c": np.nan, "d": 3.0, "x": 9.0})
    table = examples_table(memorization, P, DATA.assign(difficulty="Level 7"), difficulty=labels)
    table = table.set_index("example_id")
    assert table["difficulty"].fillna(-1).to_dict() == {"d": 3, "a": 1, "b": 2.5, "c": -1}
    assert (table["difficulty_in_dataset"] == "Level 7").all()
    page = examples_page("a run", table.reset_index(), answers_of("d"), CHOSEN, 4)
    assert "premem accuracy 0.50; never memorized; difficulty 2.5." in page
    assert "premem accuracy 0.00; memorized at epoch 10." in page  # no label, and no word of it
    assert "difficulty" not in examples_page("a run", examples_table(memorization, P, DATA), answers_of("d"), CHOSEN, 4)


def test_scores_alone_make_a_table_and_a_page_that_says_what_is_missing(memorization):
    table = examples_table(memorization, P)
    whole = examples_table(memorization, P, DATA)
    assert table.equals(whole[list(table)])
    assert set(whole) - set(table) == {"question", "solution", "answer"}
    page = examples_page("a run", table, None, CHOSEN, 2)
    assert re.findall(r"^### (.*)$", page, re.MULTILINE) == ["d", "a", "c", "b"]
    assert "| accuracy | 0.00 | 0.00 | 0.50 |" in page
    assert "come without texts and checkpoints. Questions, targets and answers are therefore missing here" in page
    assert "```" not in page
    assert "brittleness: true" not in page  # which would not help


def answers_of(example, *answers):
    return pd.DataFrame(answers, columns=["grade", "extracted", "text"]).assign(example_id=example)


def test_typical_samples_are_a_right_one_and_the_commonest_mistake():
    answers = answers_of(
        "a",
        ("incorrect", "3", "it is 3"),
        ("incorrect", "5", "so 5"),
        ("correct", "7", "7"),
        ("incorrect", "5", "thus 5"),
        ("no_answer", "", "..."),
    )
    assert typical_samples(answers) == {"A right answer (1 of 5 are)": "7", "A wrong answer (4 of 5 are)": "so 5"}
    assert list(typical_samples(answers.iloc[[2]])) == ["A right answer (1 of 1 are)"]
    assert typical_samples(answers[:0]) == {}


@pytest.mark.parametrize("text", ["```\n# heading", "a `````` b", "<script>", "~~~", "plain", ""])
def test_a_text_stays_within_its_block(text):
    first, *inside, last = fenced(text).split("\n")
    fence = first.removesuffix("text")
    assert fence == last
    assert set(fence) == {"`"}
    assert "\n".join(inside) == text
    assert max(map(len, re.findall("`+", text)), default=0) < len(fence) >= 3


def test_the_page_shows_the_most_and_the_least_learned(memorization):
    evil = DATA.assign(question="```\n# not a heading\n<b>")
    table = examples_table(memorization, P, evil)
    page = examples_page("a run", table, answers_of("d", ("correct", "7", "7"), ("incorrect", "8", "8")), CHOSEN, 2)
    headings = re.findall(r"^### (.*)$", page, re.MULTILINE)
    assert headings == ["d", "a", "c", "b"]
    assert "3 of them were memorized (perplexity ≤ 1.3; p from held-out examples), and 3 were" in page
    assert "premem accuracy 0.50; never memorized." in page
    assert "premem accuracy 0.00; memorized at epoch 10." in page
    assert "| accuracy | 0.00 | 0.00 | 0.50 |" in page
    assert "A right answer (1 of 2 are):\n\n```text\n7\n```" in page
    assert "````text\n```\n# not a heading\n<b>\n````" in page
    assert "not known here. Set `example_reports: {brittleness: true}`" in page
    assert "nan" not in page.lower()
    said = examples_page("a run", table.assign(predicted_drop=0.25), answers_of("d"), CHOSEN, 9, "train accuracy")
    assert "predicted to lose under perturbations comes from train accuracy" in said
    assert "memorized at epoch 10; predicted to lose 0.25 of accuracy under perturbations." in said
    assert len(re.findall("^### ", said, re.MULTILINE)) == 8
