"""Preparing a split of a dataset: read it from its source, name its columns, check every example."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from premem.base.errors import UserError
from premem.base.rows import Number, Rows, as_text, read_rows, rows_of_table
from premem.config.data import Reading, Split
from premem.data.arithmetic import UNSEEN, USUAL, generate_problems
from premem.scoring.grading import StyleName, answer_problem, final_answer

SHOWN = 5  # bad examples that a message lists
RESERVED = {"example_id", "subset_rank"}
TEXTS = {"example_id", "question", "solution", "answer"}


@dataclass(frozen=True)
class BadExamples:
    """Examples that cannot be used: the row of the source, and what is wrong with it."""

    rows: dict[int, str]
    """Rows of the source, counted from 0."""
    place: Callable[[int], str]
    """Says where a row is."""

    def summary(self) -> str:
        """One line, such as ``3 bad examples: data/train.jsonl, row 7: question is empty; …``."""
        shown = "; ".join(f"{self.place(row)}: {why}" for row, why in islice(self.rows.items(), SHOWN))
        return f"{len(self.rows)} bad examples: {shown}{'; …' if len(self.rows) > SHOWN else ''}"


def prepare_split(
    name: str, split_name: str, source: Split, train: Split, settings: Reading
) -> tuple[pd.DataFrame, BadExamples]:
    """Read and check one split of a dataset.

    Args:
        name: the dataset's name, for messages.
        split_name: ``train`` or the name of a test set.
        source: where the split comes from.
        train: where the training set comes from; generated test problems avoid its questions.
        settings: how rows become examples.

    Returns:
        A table with one row per example: example_id, question, solution, answer, subset_rank (the first k by rank are
        the random subset of k examples, so that subsets are nested) and the further columns that the dataset names;
        and the bad examples that were left out.

    Raises:
        UserError: if the source cannot be read or lacks a column, or if there are bad examples and they are not to be
            dropped.
    """
    where = f"datasets.{name}.{'train' if split_name == 'train' else f'test.{split_name}'}"
    table, bad = read_examples(name, source, split_name, train, settings, where)
    if settings.id is None:
        table.insert(0, "example_id", [f"{split_name}-{row:05d}" for row in table.index])
    if len(table) < (source.num_examples or 1):
        wanted = source.num_examples or "at least one"
        raise UserError(f"{where}.num_examples: {wanted} wanted, but the source has {len(table)} good ones; lower it")
    rng = np.random.default_rng(settings.seed)
    if source.num_examples is not None:
        table = table.iloc[np.sort(rng.permutation(len(table))[: source.num_examples])]
    return table.assign(subset_rank=rng.permutation(len(table))).reset_index(drop=True), bad


def read_examples(
    name: str, source: Split, split_name: str, train: Split, settings: Reading, where: str
) -> tuple[pd.DataFrame, BadExamples]:
    """Read the good examples of a source: question, solution, answer and the columns named, by row of the source.

    Args:
        name, source, split_name, train, settings: as for ``prepare_split``.
        where: key of the configuration, for messages.

    Raises:
        UserError: as ``prepare_split``.
    """
    rows = _read_source(source, split_name, train, settings, where)
    table = _name_columns(rows, settings, where, source.labelled)
    problems = _bad_rows(table, settings.answers, rows.place, source.labelled)
    bad = BadExamples(dict(problems), rows.place)
    if bad.rows and settings.bad_examples == "error":
        raise UserError(f"{where}: {bad.summary()}; correct them, or set datasets.{name}.bad_examples: drop")
    table = table.drop(index=list(bad.rows))
    if settings.id is not None:
        _check_ids(table["example_id"], rows, where, settings.id)
    return table, bad


def _read_source(source: Split, split_name: str, train: Split, settings: Reading, where: str) -> Rows:
    if source.generate:
        exclude = (
            _generate(train, "train", settings.seed)["question"] if split_name != "train" and train.generate else ()
        )
        table = _generate(source, split_name, settings.seed, frozenset(exclude))
        return Rows(table, list(table))
    wanted = {*_sources(settings).values(), "answer"}
    if source.hub:
        return _download(source, wanted, where)
    return read_rows([Path(file).expanduser() for file in source.files or ()], wanted)


def _sources(settings: Reading) -> dict[str, str]:
    """Return the source's column for each of the table's: which stands in which."""
    ids = {} if settings.id is None else {"example_id": settings.id}
    return {**ids, "question": "question", "solution": "solution", **settings.columns}


def _generate(source: Split, name: str, seed: int, exclude: frozenset[str] = frozenset()) -> pd.DataFrame:
    assert source.steps and source.num_examples
    wording = UNSEEN if source.wording == "unseen" else USUAL
    return pd.DataFrame(
        islice(generate_problems(f"{seed} {name}", source.steps, exclude, wording), source.num_examples)
    )


def _download(source: Split, wanted: Collection[str], where: str) -> Rows:
    from datasets import load_dataset

    try:
        data = load_dataset(source.hub, source.subset, split=source.split, revision=source.revision)
        return rows_of_table(data.with_format("arrow")[:], wanted)
    except Exception as error:  # the hub's errors are of many kinds; the reader needs to know which entry to correct
        raise UserError(
            f"{where}: the hub dataset {source.hub} cannot be read ({type(error).__name__}: {error}); correct hub, "
            "revision, subset or split, or give files (or local_data) on a machine without a network"
        ) from error


def _name_columns(rows: Rows, settings: Reading, where: str, labelled: bool) -> pd.DataFrame:
    """Rename the source's columns and fill in the answers that only the solutions state."""
    if reserved := RESERVED & settings.columns.keys():
        raise UserError(f"{where}: columns: premem itself makes {', '.join(sorted(reserved))}; choose another name")
    sources = _sources(settings)
    if not labelled:  # what stands for the answer is not read, and further columns need not be there
        needed = ("example_id", "question")
        there = {column: source for column, source in sources.items() if source in rows.table or column in needed}
        sources = {column: source for column, source in there.items() if column not in ("solution", "answer")}
    for column, source in sources.items():
        if source not in rows.table:
            key = {"example_id": "id", "resembles": "resembles"}.get(column, "columns")
            raise UserError(
                f"{where}: column {source!r} (for {column}) is missing; the source has {', '.join(rows.names)}; "
                f"name the right one in {key}"
            )
    named = {column: _column(rows, column, source) for column, source in sources.items()}
    if not labelled:
        return pd.DataFrame({**named, "solution": "", "answer": ""})
    if "answer" in rows.table and "answer" not in {*sources, *sources.values()}:
        named["answer"] = _column(rows, "answer", "answer")
    if "answer" not in named:
        named["answer"] = [final_answer(solution, settings.answers) or "" for solution in named["solution"]]
    return pd.DataFrame(named)


def _column(rows: Rows, column: str, source: str) -> Sequence[Any]:
    """Return a column of the table: text without blanks around it where text is needed; else as it is kept."""
    if column in TEXTS:
        return [(text or "").strip() for text in rows.texts(source)]
    values = rows.table[source]
    if values.dtype != object:  # of a generator
        return values
    if all(isinstance(value, str | bool | float | None) for value in values):
        return rows.texts(source)
    return _nested(values)


def _nested(values: Sequence[Any]) -> Sequence[Any]:
    """Return lists, objects and the like as a table can hold them.

    Numbers in them are text where a table would change them. What does not go together in one column becomes JSON.
    """
    for as_leaf in (_as_number, as_text):
        try:
            kept = [_map_leaves(value, as_leaf) for value in values]
            if _count_leaves(pa.array(kept).to_pylist()) == _count_leaves(kept):
                return kept
        except (ValueError, TypeError, OverflowError, pa.ArrowException):
            continue
    return [json.dumps(value, default=str) if isinstance(value, list | dict) else as_text(value) for value in values]


def _map_leaves(value: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_map_leaves(item, function) for item in value]
    if isinstance(value, dict):
        return {key: _map_leaves(item, function) for key, item in value.items()}
    return function(value)


def _count_leaves(values: Any) -> Counter[str]:
    """Count the spellings of all values, but for what is not there."""
    counts = Counter[str]()
    _map_leaves(values, lambda value: counts.update([] if value is None else [repr(value)]))
    return counts


def _as_number(value: Any) -> Any:
    """Return a number as the integer or float that is spelled like it; as text if there is none."""
    if not isinstance(value, Number):
        return None if value != value else value
    for kind in (int, float):
        with suppress(ValueError):
            if str(kind(value)) == value:
                return kind(value)
    return str(value)


def _check_ids(ids: "pd.Series[str]", rows: Rows, where: str, column: str) -> None:
    advice = f"every example needs an id of its own; name another column in id, or correct {column}"
    if (empty := ids == "").any():
        raise UserError(f"{where}: {rows.place(int(empty.idxmax()))}: the id is empty; {advice}")
    if (repeated := ids.duplicated()).any():
        row = int(repeated.idxmax())
        first = int((ids == ids[row]).idxmax())
        raise UserError(f"{where}: {rows.place(row)}: the id {ids[row]!r} is that of {rows.place(first)}; {advice}")


def _bad_rows(
    table: pd.DataFrame, answers: StyleName, place: Callable[[int], str], labelled: bool
) -> Iterator[tuple[int, str]]:
    seen: dict[str, int] = {}
    for row, question, solution, answer in table[["question", "solution", "answer"]].itertuples():
        if not question or (labelled and not solution):
            yield row, f"{'question' if not question else 'solution'} is empty"
        elif labelled and not answer:
            yield row, f"no final answer in the solution (it ends: …{solution[-40:]!r})"
        elif labelled and (problem := answer_problem(answer, answers)):
            yield row, f"the answer {answer!r} {problem}"
        elif question in seen:
            yield row, f"the same question as {place(seen[question])}"
        seen.setdefault(question, row)
