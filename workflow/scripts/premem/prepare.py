"""Preparing a split of a dataset: read it from its source, name its columns, check every example."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from premem.arithmetic import UNSEEN, USUAL, generate_problems
from premem.errors import UserError
from premem.scoring.grading import StyleName, answer_problem, final_answer
from premem.settings import Examples, Split

SHOWN = 5  # bad examples that a message lists
RESERVED = {"example_id", "subset_rank"}


@dataclass(frozen=True)
class BadExamples:
    """Examples that cannot be used: the row of the source, and what is wrong with it."""

    rows: dict[int, str]

    def summary(self) -> str:
        """One line, such as ``3 bad examples: row 7: question is empty; …``."""
        shown = "; ".join(f"row {row}: {why}" for row, why in islice(self.rows.items(), SHOWN))
        return f"{len(self.rows)} bad examples: {shown}{'; …' if len(self.rows) > SHOWN else ''}"


def prepare_split(
    name: str, split_name: str, source: Split, train: Split, settings: Examples
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
    table.insert(0, "example_id", [f"{split_name}-{row:05d}" for row in table.index])
    if len(table) < (source.examples or 1):
        wanted = source.examples or "at least one"
        raise UserError(f"{where}.examples: {wanted} wanted, but the source has {len(table)} good ones")
    rng = np.random.default_rng(settings.seed)
    if source.examples is not None:
        table = table.iloc[np.sort(rng.permutation(len(table))[: source.examples])]
    return table.assign(subset_rank=rng.permutation(len(table))).reset_index(drop=True), bad


def read_examples(
    name: str, source: Split, split_name: str, train: Split, settings: Examples, where: str
) -> tuple[pd.DataFrame, BadExamples]:
    """Read the good examples of a source: question, solution, answer and the columns named, by row of the source.

    Args:
        name, source, split_name, train, settings: as for ``prepare_split``.
        where: key of the configuration, for messages.

    Raises:
        UserError: as ``prepare_split``.
    """
    table = _name_columns(_read_source(source, split_name, train, settings.seed, where), settings, where)
    bad = BadExamples(dict(_bad_rows(table, settings.answers)))
    if bad.rows and settings.bad_examples == "error":
        raise UserError(f"{where}: {bad.summary()}; mend them, or set datasets.{name}.bad_examples: drop")
    return table.drop(index=list(bad.rows)), bad


def _read_source(source: Split, split_name: str, train: Split, seed: int, where: str) -> pd.DataFrame:
    if source.generate:
        exclude = _generate(train, "train", seed)["question"] if split_name != "train" and train.generate else ()
        return _generate(source, split_name, seed, frozenset(exclude))
    if source.hub:
        return _download(source, where)
    return pd.concat([_read_file(Path(file).expanduser()) for file in source.files or ()], ignore_index=True)


def _generate(source: Split, name: str, seed: int, exclude: frozenset[str] = frozenset()) -> pd.DataFrame:
    assert source.steps and source.examples
    wording = UNSEEN if source.wording == "unseen" else USUAL
    return pd.DataFrame(islice(generate_problems(f"{seed} {name}", source.steps, exclude, wording), source.examples))


def _download(source: Split, where: str) -> pd.DataFrame:
    from datasets import load_dataset

    try:
        return load_dataset(source.hub, source.subset, split=source.split, revision=source.revision).to_pandas()
    except Exception as error:  # the hub's errors are of many kinds; the reader needs to know which entry to mend
        raise UserError(
            f"{where}: the hub dataset {source.hub} cannot be read ({type(error).__name__}: {error}); correct hub, "
            "revision, subset or split, or give files (or local_data) on a machine without a network"
        ) from error


def _read_file(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_json(path, lines=True, dtype=False)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not readable as {path.suffix.lstrip('.') or 'JSON lines'}: {error}") from error


def _name_columns(table: pd.DataFrame, settings: Examples, where: str) -> pd.DataFrame:
    """Rename the source's columns and fill in the answers that only the solutions state."""
    sources = {"question": "question", "solution": "solution", **settings.columns}
    for column, source in sources.items():
        if source not in table:
            raise UserError(
                f"{where}: column {source!r} (for {column}) is missing; the source has {', '.join(map(str, table))}; "
                f"name the right one in {column if column == 'resembles' else 'columns'}"
            )
    if reserved := RESERVED & sources.keys():
        raise UserError(f"{where}: columns: {', '.join(sorted(reserved))} is a name that premem gives; choose another")
    named = pd.DataFrame({column: table[source] for column, source in sources.items()})
    named["question"] = named["question"].map(_text)
    named["solution"] = named["solution"].map(_text)
    if "answer" in named:
        named["answer"] = named["answer"].map(_text)
    elif "answer" in table and "answer" not in sources.values():
        named["answer"] = table["answer"].map(_text)
    else:
        named["answer"] = [final_answer(solution, settings.answers) or "" for solution in named["solution"]]
    return named


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value).strip()


def _bad_rows(table: pd.DataFrame, answers: StyleName) -> Iterator[tuple[int, str]]:
    seen: dict[str, int] = {}
    for row, question, solution, answer in table[["question", "solution", "answer"]].itertuples():
        if not question or not solution:
            yield row, f"{'question' if not question else 'solution'} is empty"
        elif not answer:
            yield row, f"no final answer in the solution (it ends: …{solution[-40:]!r})"
        elif problem := answer_problem(answer, answers):
            yield row, f"the answer {answer!r} {problem}"
        elif question in seen:
            yield row, f"the same question as row {seen[question]}"
        seen.setdefault(question, row)
