"""Results in the project's own format: tables of scores, such as those of finished studies."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from premem.base.errors import UserError
from premem.base.rows import Rows, read_rows
from premem.config.block import NAME_PATTERN
from premem.config.imports import ImportedColumn
from premem.config.runs import Run
from premem.config.sweep import spell_learning_rate
from premem.scoring.imported_results import TEST_SET, Imported, doubts_about_membership, stack_tables
from premem.scoring.scores import MEMORIZATION_COLUMNS, TEST_COLUMNS


def read_tables(
    train: Sequence[Path], test: Sequence[Path], model: str, dataset: str, columns: Mapping[ImportedColumn, str] = {}
) -> Imported:
    """Read scores from files in the project's format, such as the tables of finished studies.

    Args:
        train: files with lr, epochs and size (or run, the name of one of this project's runs), epoch, example_id,
            perplexity, and either accuracy (a share from 0 to 1) or grade (correct, incorrect or no_answer; then a row
            per sampled answer). They may have seed (else 0), n_samples and trained_on (else true), and accuracy_of_more
            with more_samples.
        test: files with lr, epochs and size (or run), epoch, example_id, and accuracy or grade. They may have seed,
            n_samples and test_set (else ``test``).
        model: its name in the study.
        dataset: its name in the study.
        columns: names of the files' columns, where they differ.

    Raises:
        UserError: naming the file, the column and the row of what is wrong.
    """
    memorization = stack_tables([_read_scores(file, model, dataset, columns, TRAIN_ONLY) for file in train])
    tests = stack_tables([_read_scores(file, model, dataset, columns, TEST_ONLY) for file in test])
    keys = ["run", "epoch", "example_id"]
    for table, files, by in ((memorization, train, keys), (tests, test, [*keys, "test_set"])):
        if (repeated := table.duplicated(by)).any():
            row = table[repeated].iloc[0]
            raise UserError(
                f"{', '.join(map(str, files))}: example {row['example_id']} of run {row['run']} occurs twice at epoch "
                f"{row['epoch']}; keep one of the rows (two studies may hold the same run), or give grades, a row per "
                "sampled answer"
            )
    more = [column for column in MORE if column in memorization]
    doubted = {}
    for run, of_run in memorization.groupby("run", sort=False):
        last = of_run[of_run["epoch"] == of_run["epoch"].max()]
        if doubts := doubts_about_membership(
            last["perplexity"].to_numpy(), last["trained_on"].to_numpy(), "trained_on"
        ):
            doubted[f"{model} on {dataset}, {run}"] = f"{doubts} It is taken as it is; correct it, or remove the run."
    return Imported(memorization[[*MEMORIZATION_COLUMNS, *more]], tests[TEST_COLUMNS], doubted=doubted)


def _whole(low: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = Decimal(text)
        if not (low <= number < 2**53 and number % 1 == 0):
            raise ValueError
        return int(number)

    return read


def _real(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = float(text)
        if not (low <= number <= high and math.isfinite(number)):
            raise ValueError
        return number

    return read


def _or_nan(read: Callable[[str], float]) -> Callable[[str], float]:
    return lambda text: read(text) if text else math.nan


def _matching(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return read


def _axes_of_run(text: str) -> tuple[str, int, str, int]:
    match = re.fullmatch(rf"lr([^_]+)_ep(\d+)_({NAME_PATTERN})_seed(\d+)", text)
    if match is None:
        raise ValueError
    lr, epochs, size, seed = match.groups()
    return spell_learning_rate(lr), int(epochs), size, int(seed)


def _truth(text: str) -> bool:
    if text.lower() not in {*YES, *NO}:
        raise ValueError
    return text.lower() in YES


YES, NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
NAME = (_matching(NAME_PATTERN), "must be a name of letters, digits, dots and hyphens, such as full")
COUNT = (_whole(1), "must be a whole number from 1 up")
SHARE = "must be a share from 0 to 1"
COLUMNS: dict[ImportedColumn, tuple[Callable[[str], Any], str]] = {
    "run": (
        _axes_of_run,
        "must be a name such as lr5e-5_ep6_full_seed0, where there are no columns lr, epochs and size",
    ),
    "lr": (spell_learning_rate, "must be a number above 0"),
    "epochs": COUNT,
    "size": NAME,
    "seed": (_whole(0), "must be a whole number from 0 up"),
    "epoch": COUNT,
    "example_id": (_matching(r"(?s).+"), "must not be empty"),
    "accuracy": (_real(0, 1), SHARE),
    "grade": (_matching("correct|incorrect|no_answer"), "must be correct, incorrect or no_answer"),
    "n_samples": COUNT,
    "perplexity": (_real(1, math.inf), "must be a number from 1 up"),
    "trained_on": (_truth, f"must be one of {', '.join(YES)} or one of {', '.join(NO)}"),
    "test_set": NAME,
    "accuracy_of_more": (_or_nan(_real(0, 1)), f"{SHARE}, or empty"),
    "more_samples": (_or_nan(_whole(1)), "must be a whole number from 1 up, or empty"),
}
"""How the text of a column is read, and what to say of a value that cannot be."""
AXES: list[ImportedColumn] = ["lr", "epochs", "size", "seed"]
MORE: list[ImportedColumn] = ["accuracy_of_more", "more_samples"]
TRAIN_ONLY: list[ImportedColumn] = ["perplexity", "trained_on", *MORE]
TEST_ONLY: list[ImportedColumn] = ["test_set"]
OWN = {*TRAIN_ONLY, *TEST_ONLY}
DEFAULTS: dict[str, Any] = {"seed": 0, "n_samples": 1, "trained_on": True, "test_set": TEST_SET}


def _read_scores(
    file: Path,
    model: str,
    dataset: str,
    columns: Mapping[ImportedColumn, str],
    own: Sequence[ImportedColumn],
) -> pd.DataFrame:
    """Read a table of training or of test examples."""
    sources = {
        name: columns.get(name, name) for name in COLUMNS if name in own or name not in (*TRAIN_ONLY, *TEST_ONLY)
    }
    rows = read_rows([file], set(sources.values()))
    there = {name for name, source in sources.items() if source in rows.table}
    needed = {*(() if "run" in there else AXES[:3]), "epoch", "example_id", *({"perplexity"} & sources.keys())}
    missing = [
        name if name == source else f"{source} (for {name})"
        for name, source in sources.items()
        if name not in there and (name in needed or name in columns)
    ]
    missing += [] if {*there, *columns} & {"accuracy", "grade"} else ["accuracy (or grade)"]
    if missing:
        raise UserError(
            f"{file}: column {', '.join(missing)} is missing (it has {', '.join(rows.names)}); add it, or name the "
            "right one in columns"
        )
    # The name of a run says the rest; where columns say it, a run may be called anything.
    there -= {"run"} if there >= {*AXES[:3]} else {*AXES}
    there -= {"accuracy"} if "grade" in there else set()
    table = pd.DataFrame({name: _parse(rows, name, source) for name, source in sources.items() if name in there})
    if "run" in there:
        table[AXES] = pd.DataFrame(table.pop("run").tolist(), columns=AXES)
    table = table.assign(**{name: value for name, value in DEFAULTS.items() if name in sources and name not in table})
    values = list(zip(*(table[axis] for axis in AXES), strict=True))
    runs = {axes: Run(model=model, dataset=dataset, **dict(zip(AXES, axes, strict=True))) for axes in set(values)}
    table["run"] = [runs[axes].name for axes in values]
    return _share_of_grades(table) if "grade" in table else table


def _parse(rows: Rows, name: ImportedColumn, source: str) -> list[Any]:
    read, problem = COLUMNS[name]
    texts = rows.texts(source)
    values: dict[str | None, Any] = {}
    for row, text in enumerate(texts):
        if text not in values:
            try:
                values[text] = read((text or "").strip())
            except (ValueError, ArithmeticError):
                column = name if name == source else f"{source} ({name})"
                given = text or "nothing"
                raise UserError(f"{rows.place(row)}: {column} {problem} (given: {given})") from None
    return [values[text] for text in texts]


def _share_of_grades(table: pd.DataFrame) -> pd.DataFrame:
    """One row per example and checkpoint, from one per sampled answer."""
    keys = [column for column in table if column not in ("grade", "n_samples")]
    correct = table.assign(correct=table["grade"] == "correct").groupby(keys, sort=False, dropna=False)["correct"]
    return correct.agg(accuracy="mean", n_samples="size").reset_index()
