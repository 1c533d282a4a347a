"""Preparing a split: columns, checks, subsets."""

import csv
import datetime
import gzip
import io
import json
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from premem.base.errors import UserError
from premem.config.data import Reading, Split
from premem.config.runs import Subset
from premem.data.arithmetic import LARGEST_VALUE, UNSEEN, USUAL, generate_problems
from premem.data.preparation import prepare_split
from premem.data.subsets import trained_on
from premem.scoring.grading import final_answer

ROWS = [
    {"problem": f"What is {i} + 1?", "solution": f"It is {i + 1}.\n#### {i + 1}", "level": i % 3} for i in range(20)
]
SETTINGS = Reading(answers="gsm8k", columns={"question": "problem", "level": "level"})


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
    table, _ = prepare(Split(files=(str(tmp_path / "d.parquet"),)), Reading(answers="gsm8k"))
    assert table["answer"].tolist() == ["1", "2"]


def test_subsets_are_seeded_and_nested(write):
    table, _ = prepare(write(ROWS))
    again, _ = prepare(write(ROWS))
    other, _ = prepare(write(ROWS), SETTINGS.model_copy(update={"seed": 1}))
    pd.testing.assert_frame_equal(table, again)
    assert table["subset_rank"].tolist() != other["subset_rank"].tolist()
    half, quarter = (
        set(trained_on(table, Subset(size=size, holdout=0, run="a"))["example_id"]) for size in (0.5, 0.25)
    )
    assert len(half) == 10
    assert len(quarter) == 5
    assert quarter < half


def test_a_number_of_examples_is_drawn(write):
    source = write(ROWS)
    table, _ = prepare(source.model_copy(update={"num_examples": 7}))
    assert len(table) == 7
    with pytest.raises(UserError, match=r"datasets\.mine\.train\.num_examples: 21 wanted, but the source has 20"):
        prepare(source.model_copy(update={"num_examples": 21}))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"problem": " ", "solution": "#### 1"}, "question is empty"),
        ({"problem": "q", "solution": None}, "solution is empty"),
        ({"problem": "q", "solution": "it is one"}, "no final answer"),
        ({"problem": "q", "solution": "#### one"}, "is not a number"),
        (ROWS[3], r"the same question as .*train\.jsonl, row 4"),
    ],
)
def test_bad_examples_stop_or_are_left_out(write, row, why):
    source = write([*ROWS, {"level": 0, **row}])
    with pytest.raises(UserError, match=why) as error:
        prepare(source)
    assert re.search(r"datasets\.mine\.train: 1 bad examples: \S*train\.jsonl, row 21: ", str(error.value))
    assert "bad_examples: drop" in str(error.value)
    table, bad = prepare(source, SETTINGS.model_copy(update={"bad_examples": "drop"}))
    assert len(table) == 20
    assert list(bad.rows) == [20]


def test_a_missing_column_is_named(write):
    with pytest.raises(UserError, match=r"column 'problem' .for question. is missing; the source has question"):
        prepare(write([{"question": "q", "solution": "#### 1"}]))


def test_a_column_cannot_take_a_name_that_is_given(write):
    settings = Reading(answers="gsm8k", columns={"question": "problem", "example_id": "level"})
    with pytest.raises(UserError, match="columns: premem itself makes example_id; choose another"):
        prepare(write(ROWS), settings)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.jsonl", '{"question": ', r"bad\.jsonl: not readable as jsonl: row 1: .*an object on every line"),
        ("bad.jsonl", '{"question": "a"}\n\n{"question": "b",}', r"jsonl: row 3: .* at column"),
        ("bad.json", '[{"question": "a"},\n {"question": "b"]', r"as json: .* at line 2 column"),
        ("bad.jsonl", '["a", "b"]', r"row 1 holds no object"),
        ("bad.jsonl", '{"question": "a", "question": "b"}', r"row 1: question occurs twice"),
        ("bad.csv", 'question,solution\n"a",1\n"b\n', r"row 2 \(line 3\): unexpected end of data"),
        ("bad.csv", "question,solution\na,b,1\n", r"row 1 \(line 2\) has 3 values, but there are 2 columns"),
        ("bad.csv", "problem,solution,problem\na,1,b\n", r"column problem occurs twice"),
        ("bad.csv", "", r"bad\.csv: it holds no rows"),
        ("bad.jsonl", b"\x1f\x8bhalf", r"not readable as jsonl"),
        ("bad.parquet", b"PAR1", r"not readable as parquet"),
        (
            "bad.jsonl",
            '{"question": "a"}\n{"question": "é"}'.encode("latin-1"),
            r"it is not UTF-8: byte 0xe9 in line 2",
        ),
        ("bad.csv", "question".encode("utf-16"), r"it is UTF-16, not UTF-8"),
        ("bad.xlsx", b"", r"bad\.xlsx: tables are read from \.jsonl, .*\.parquet files, each also as \.gz"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        prepare(Split(files=(str(tmp_path / name),)))


# --- data as people bring them --------------------------------------------------------------------------------------

WHOLE = [
    {"problem": "Wie viel ist 2½ mal 2, in „µm“?\u2028Sage es.", "solution": "Das ist 5.\n#### 5", "level": "a,b"},
    {"problem": 'She said "3", 🧬 and\ttabs.', "solution": "So 3.\n#### 3", "level": ""},
]


def as_json_lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows, delimiter=","):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def as_parquet(rows):
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


FORMS = {
    "a.jsonl": as_json_lines,
    "a.ndjson": as_json_lines,
    "a.json": lambda rows: json.dumps(rows, indent=2).encode(),
    "array.jsonl": lambda rows: json.dumps(rows).encode(),
    "a.csv": as_csv,
    "a.tsv": lambda rows: as_csv(rows, "\t"),
    "a.parquet": as_parquet,
}


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_table(tmp_path, name, compress, bom):
    content = FORMS[name](WHOLE)
    content = content if name.endswith("parquet") else bom + content
    path = tmp_path / (f"{name}.gz" if compress else name.upper() if name == "a.csv" else name)
    path.write_bytes(gzip.compress(content) if compress else content)
    table, _ = prepare(Split(files=(str(path),)))
    for column, source in (("question", "problem"), ("solution", "solution"), ("level", "level")):
        assert table[column].tolist() == [row[source] for row in WHOLE]
    assert table["answer"].tolist() == ["5", "3"]


NUMBERS = ["5", "12345678901234567", "1e22", "1E+5", "4", "4.5", "-0", "2.50", "0.1000000000000000055511151231257827"]


@pytest.mark.parametrize("key", ["answer", "level"])
@pytest.mark.parametrize("form", ["jsonl", "json", "csv"])
def test_numbers_stay_as_they_were_written(tmp_path, key, form):
    if form == "csv":
        rows = (f"q{i},\\boxed{{1}},{number}" for i, number in enumerate(NUMBERS))
        content = "\n".join([f"problem,solution,{key}", *rows])
    else:
        start = r'"solution": "\\boxed{1}"'
        rows = [f'{{"problem": "q{i}", {start}, "{key}": {number}}}' for i, number in enumerate([*NUMBERS, "null"])]
        content = "\n".join(rows) if form == "jsonl" else f"[{','.join(rows)}]"
    (tmp_path / f"a.{form}").write_text(content, encoding="utf-8")
    columns = {"question": "problem", key: key}
    settings = Reading(answers="math", columns=columns, bad_examples="drop")
    table, bad = prepare(Split(files=(str(tmp_path / f"a.{form}"),)), settings)
    assert table[key].dropna().tolist() == NUMBERS
    assert len(bad.rows) == (key == "answer" and form != "csv")  # the one without an answer


@given(
    st.lists(
        st.one_of(
            st.integers().map(str),
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.from_regex(r"-?[1-9][0-9]{0,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
            st.booleans().map(json.dumps),
            st.text(st.characters(blacklist_categories=["Cs"]), min_size=1).map(json.dumps),
            st.none().map(json.dumps),
        ),
        min_size=1,
    )
)
def test_a_kept_column_of_any_mix_is_as_written(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("mixed") / "a.jsonl"
    lines = (f'{{"problem": "q{i}", "solution": "#### 1", "level": {value}}}' for i, value in enumerate(values))
    path.write_text("\n".join(lines), encoding="utf-8")
    table, _ = prepare(Split(files=(str(path),)))
    pa.Table.from_pandas(table)
    expected = [json.loads(value) if value[0] == '"' else None if value == "null" else value for value in values]
    assert table["level"].astype(object).where(table["level"].notna(), None).tolist() == expected


def test_numbers_and_dates_of_parquet(tmp_path):
    columns = {
        "nullable": pa.array([5, None, 12345678901234567]),
        "decimal": pa.array(["4.50", None, "1.25"]).cast(pa.decimal128(5, 2)),
        "float": pa.array([4.0, float("nan"), 4.5]),
        "float32": pa.array([0.1, None, 2.0], pa.float32()),
        "date": pa.array([datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1)]),
        "time": pa.array([datetime.datetime(2024, 2, 29, 7, 30), None, datetime.datetime(2024, 1, 1)]),
        "category": pa.array(["a", None, "b"]).dictionary_encode(),
        "flag": pa.array([True, None, False]),
        "bytes": pa.array([b"\xff", None, b"b"]),
    }
    texts = {"problem": ["a", "b", "c"], "solution": ["#### 1"] * 3}
    # A column that nobody named holds what no table of Python's can: the year 200,000.
    table = pa.table({**texts, **columns, "nobody's": pa.array([2**62, 0, 0], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "a.parquet")
    settings = Reading(answers="gsm8k", columns={"question": "problem", **{name: name for name in columns}})
    prepared, _ = prepare(Split(files=(str(tmp_path / "a.parquet"),)), settings)
    written = pa.Table.from_pandas(prepared)
    assert {name: written[name].to_pylist() for name in columns} == {
        "nullable": ["5", None, "12345678901234567"],
        "decimal": ["4.50", None, "1.25"],
        "float": ["4", None, "4.5"],
        "float32": ["0.1", None, "2"],
        "date": ["2024-02-29", None, "0001-01-01"],
        "time": ["2024-02-29 07:30:00", None, "2024-01-01 00:00:00"],
        "category": ["a", None, "b"],
        "flag": ["true", None, "false"],
        "bytes": [b"\xff", None, b"b"],
    }


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([["a", "b"], None, []], [["a", "b"], None, []]),
        ([[1, 2], [12345678901234567]], [[1, 2], [12345678901234567]]),
        ([[0.5, 0.25], [1e22]], [[0.5, 0.25], [1e22]]),
        ([[1, 4.5], [2]], [["1", "4.5"], ["2"]]),
        ([[10**30], [1]], [[str(10**30)], ["1"]]),
        ([{"a": 1, "b": 0.5}, {"a": 2}], [{"a": 1, "b": 0.5}, {"a": 2, "b": None}]),
        ([["a"], "b", 3], ['["a"]', "b", "3"]),
    ],
)
def test_lists_and_objects_stay_what_they_are(write, values, kept):
    rows = [{"problem": f"q{i}", "solution": "#### 1", "level": value} for i, value in enumerate(values)]
    table, _ = prepare(write(rows))
    assert pa.Table.from_pandas(table)["level"].to_pylist() == kept


def test_a_column_that_nobody_named_holds_anything(tmp_path):
    anything = ["1" * 400, "1e999", '{"a": {"b": []}}', r'"\ud800"', '[1, "a", {}]', "NaN", "true"]
    lines = (f'{{"problem": "q{i}", "solution": "#### 1", "level": 1, "x": {x}}}' for i, x in enumerate(anything))
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    table, _ = prepare(Split(files=(str(tmp_path / "a.jsonl"),)))
    assert len(table) == len(anything)


@pytest.mark.parametrize("drop", ["error", "drop"])
@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("problem", ["one question", "another"], "it holds a list, not a text"),
        ("solution", {"steps": "1", "answer": "#### 1"}, "it holds an object, not a text"),
        ("answer", [1], "it holds a list, not a text"),
        ("level", "\ud800", "it holds half a character"),
    ],
)
def test_what_is_no_text_is_refused_with_file_row_and_column(write, key, value, problem, drop):
    rows = [*ROWS[:2], {**ROWS[2], key: value}]
    with pytest.raises(UserError, match=rf"mine\.jsonl, row 3, column {key}: {problem}"):
        prepare(write(rows, "mine.jsonl"), SETTINGS.model_copy(update={"bad_examples": drop}))


def test_several_files_of_several_forms_are_one_set(tmp_path, write):
    first = write(ROWS[:2], "first.jsonl").files
    (tmp_path / "second.csv").write_bytes(as_csv([{"problem": "q", "solution": "none"}]))
    with pytest.raises(UserError, match=r"1 bad examples: \S*second\.csv, row 1: no final answer"):
        prepare(Split(files=(*first, str(tmp_path / "second.csv"))))
    (tmp_path / "second.csv").write_bytes(as_csv([{"problem": "q", "solution": "#### 1"}]))
    table, _ = prepare(Split(files=(*first, str(tmp_path / "second.csv"))))
    assert table["example_id"].tolist() == ["train-00000", "train-00001", "train-00002"]
    assert table["level"].isna().tolist() == [False, False, True]


# --- ids of one's own -----------------------------------------------------------------------------------------------


def with_ids(ids):
    return [{**row, "name": example_id} for row, example_id in zip(ROWS, ids, strict=False)]


def test_ids_of_ones_own_become_example_ids(write):
    ids = ["007", 7, "a b", "✓"]
    settings = SETTINGS.model_copy(update={"id": "name"})
    source = write(with_ids(ids))
    table, _ = prepare(source, settings)
    assert table["example_id"].tolist() == ["007", "7", "a b", "✓"]
    without, _ = prepare(source)
    pd.testing.assert_frame_equal(table.drop(columns="example_id"), without.drop(columns="example_id"))
    assert list(table) == list(without)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "b", "a"], r"row 3: the id 'a' is that of .*train\.jsonl, row 1; every example needs an id of its own"),
        (["a", " "], r"row 2: the id is empty"),
        (["a", None], r"row 2: the id is empty"),
        (["a", ["b"]], r"row 2, column name: it holds a list"),
    ],
)
def test_bad_ids_are_refused(write, ids, message):
    with pytest.raises(UserError, match=message):
        prepare(write(with_ids(ids)), SETTINGS.model_copy(update={"id": "name"}))


def test_a_missing_column_of_ids_is_named(write):
    with pytest.raises(UserError, match=r"column 'uid' \(for example_id\) is missing; .* in id$"):
        prepare(write(ROWS), SETTINGS.model_copy(update={"id": "uid"}))


def test_generated_test_problems_are_none_of_the_training_problems():
    train = Split(generate="arithmetic", steps={1: 1}, num_examples=400)
    test = Split(generate="arithmetic", steps={1: 1}, num_examples=400)
    settings = Reading(answers="gsm8k")
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
    table, bad = prepare(source, Reading(answers="gsm8k", columns={"solution": "answer"}))
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
    settings = Reading(answers="gsm8k")
    train = Split(generate="arithmetic", steps={2: 1}, num_examples=50)
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
