"""Preparing a split: columns, checks, subsets."""

import json

import pandas as pd
import pytest

from premem.arithmetic import LARGEST_VALUE, UNSEEN, USUAL, generate_problems
from premem.errors import UserError
from premem.prepare import prepare_split
from premem.scoring.grading import final_answer
from premem.settings import Examples, Split
from premem.tokens import select_subset

ROWS = [
    {"problem": f"What is {i} + 1?", "solution": f"It is {i + 1}.\n#### {i + 1}", "level": i % 3} for i in range(20)
]
SETTINGS = Examples(answers="gsm8k", columns={"question": "problem", "level": "level"})


@pytest.fixture
def write(tmp_path):
    def write(rows, name="train.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return Split(files=(str(path),))

    return write


def prepare(source, settings=SETTINGS, split="train"):
    return prepare_split("mine", split, source, source, settings)


def test_columns_are_renamed_and_answers_read_from_solutions(write):
    table, bad = prepare(write(ROWS))
    assert not bad.rows
    assert list(table) == ["example_id", "question", "solution", "level", "answer", "subset_rank"]
    assert table["answer"].tolist() == [str(i + 1) for i in range(20)]
    assert sorted(table["subset_rank"]) == list(range(20))
    assert table["example_id"].is_unique


def test_parquet_and_an_answer_column(tmp_path):
    rows = pd.DataFrame({"question": ["a", "b"], "solution": ["x", "y"], "answer": [1, 2]})
    rows.to_parquet(tmp_path / "d.parquet")
    table, _ = prepare(Split(files=(str(tmp_path / "d.parquet"),)), Examples(answers="gsm8k"))
    assert table["answer"].tolist() == ["1", "2"]


def test_subsets_are_seeded_and_nested(write):
    table, _ = prepare(write(ROWS))
    again, _ = prepare(write(ROWS))
    other, _ = prepare(write(ROWS), SETTINGS.model_copy(update={"seed": 1}))
    pd.testing.assert_frame_equal(table, again)
    assert table["subset_rank"].tolist() != other["subset_rank"].tolist()
    half, quarter = (set(select_subset(table, size)["example_id"]) for size in (0.5, 0.25))
    assert len(half) == 10
    assert len(quarter) == 5
    assert quarter < half


def test_a_number_of_examples_is_drawn(write):
    source = write(ROWS)
    table, _ = prepare(source.model_copy(update={"examples": 7}))
    assert len(table) == 7
    with pytest.raises(UserError, match=r"datasets\.mine\.train\.examples: 21 wanted, but the source has 20"):
        prepare(source.model_copy(update={"examples": 21}))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"problem": " ", "solution": "#### 1"}, "question is empty"),
        ({"problem": "q", "solution": None}, "solution is empty"),
        ({"problem": "q", "solution": "it is one"}, "no final answer"),
        ({"problem": "q", "solution": "#### one"}, "is not a number"),
        (ROWS[3], "the same question as row 3"),
    ],
)
def test_bad_examples_stop_or_are_left_out(write, row, why):
    source = write([*ROWS, {"level": 0, **row}])
    with pytest.raises(UserError, match=why) as error:
        prepare(source)
    assert "datasets.mine.train: 1 bad examples: row 20" in str(error.value)
    assert "bad_examples: drop" in str(error.value)
    table, bad = prepare(source, SETTINGS.model_copy(update={"bad_examples": "drop"}))
    assert len(table) == 20
    assert list(bad.rows) == [20]


def test_a_missing_column_is_named(write):
    with pytest.raises(UserError, match=r"column 'problem' .for question. is missing; the source has question"):
        prepare(write([{"question": "q", "solution": "#### 1"}]))


def test_a_column_cannot_take_a_name_that_is_given(write):
    settings = Examples(answers="gsm8k", columns={"question": "problem", "example_id": "level"})
    with pytest.raises(UserError, match="columns: example_id is a name that premem gives"):
        prepare(write(ROWS), settings)


def test_a_malformed_file_is_named(tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"question": ')
    with pytest.raises(UserError, match=r"bad\.jsonl: not readable as jsonl"):
        prepare(Split(files=(str(tmp_path / "bad.jsonl"),)))


def test_generated_test_problems_are_none_of_the_training_problems():
    train = Split(generate="arithmetic", steps={1: 1}, examples=400)
    test = Split(generate="arithmetic", steps={1: 1}, examples=400)
    settings = Examples(answers="gsm8k")
    trained, _ = prepare_split("a", "train", train, train, settings)
    tested, _ = prepare_split("a", "test", test, train, settings)
    assert not set(trained["question"]) & set(tested["question"])
    assert trained["question"].is_unique


def test_arithmetic_traces_are_right():
    for problem, _ in zip(generate_problems(0, {1: 1, 2: 1, 3: 1}), range(300), strict=False):
        equations = [part.split(" . ")[0] for part in problem.solution.split(" . ")]
        values = []
        words = problem.solution.split()
        for i, word in enumerate(words):
            if word == "=":
                left, sign, right, result = words[i - 3], words[i - 2], words[i - 1], words[i + 1]
                assert int(result) == (int(left) + int(right) if sign == "+" else int(left) - int(right))
                values.append(int(result))
        assert len(equations) >= problem.steps
        assert values[-1] == int(problem.answer) == int(final_answer(problem.solution, "gsm8k"))
        assert 0 <= values[-1] <= LARGEST_VALUE
        assert len(problem.skeleton.split()) == problem.steps


def test_gsm8k(shared_data):
    source = Split(files=(str(shared_data / "gsm8k" / "test.jsonl"),))
    table, bad = prepare(source, Examples(answers="gsm8k", columns={"solution": "answer"}))
    assert len(table) == 1319
    assert not bad.rows
    assert table["answer"].iloc[0] == "18"


def test_unseen_wording_is_other_sentences_of_the_same_words():
    sentences = {}
    for wording in (USUAL, UNSEEN):
        variants = (*wording.starts, *(v for step in wording.steps.values() for v in step), *wording.questions)
        sentences[wording is UNSEEN] = set(variants)
    assert not sentences[True] & sentences[False]
    usual = {
        word
        for problem, _ in zip(generate_problems(1, {1: 8, 2: 1}), range(3000), strict=False)
        for word in f"{problem.question} {problem.solution}".split()
    }
    settings = Examples(answers="gsm8k")
    train = Split(generate="arithmetic", steps={2: 1}, examples=50)
    unseen, _ = prepare_split("mine", "wording", train.model_copy(update={"wording": "unseen"}), train, settings)
    assert {word for question in unseen["question"] for word in question.split()} <= usual


def test_generated_stories_stay_the_same():
    """The embedded study's data: a change of the generator would make every result of it another one."""
    first = next(generate_problems("0 train", {2: 1, 3: 1}))
    assert first.question == (
        "at first Emil has 10 coins . Emil finds 5 more . Emil loses 10 . Mira doubles what Emil has . "
        "how many coins has Emil now ?"
    )
    assert first.solution.endswith("#### 10")
