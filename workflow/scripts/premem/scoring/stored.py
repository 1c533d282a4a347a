"""Reading the tables of runs with what must hold of them checked, since a damaged table can still be readable."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from premem.base.errors import UserError
from premem.base.tables import read_table
from premem.scoring.scores import MEMORIZATION_COLUMNS, TEST_COLUMNS

UNLABELLED = "unlabelled"
"""Stands for the grade of an answer to a question whose answer is not known."""
GRADE_VALUES = ["correct", "incorrect", "no_answer", UNLABELLED]
"""What a grader says of an answer."""
LOWEST_PERPLEXITY = 1 - 1e-3
"""A perplexity is at least 1; sums in float32 are rounded."""


def read_samples(paths: Sequence[Path], checkpoint_epochs: Sequence[int]) -> pd.DataFrame:
    """Read the answers sampled from checkpoints: epoch, split, example_id, sample, text.

    Raises:
        UserError: if a checkpoint lacks an example that another has, or an example lacks an answer.
    """
    columns = ["split", "example_id", "sample", "text"]
    tables = [
        read_table(path, columns)[columns].assign(epoch=epoch)
        for epoch, path in zip(checkpoint_epochs, paths, strict=True)
    ]
    counts = [table.groupby(["split", "example_id"], observed=True)["text"].count() for table in tables]
    expected = pd.concat(counts, axis=1).max(axis=1)
    most = expected.max()
    for path, count in zip(paths, counts, strict=True):
        found = count.reindex(expected.index, fill_value=0)
        if (found < most).any():
            split, example = found.index[(found < most).argmax()]
            raise UserError(
                f"{path}: example {example} of {split} has {found[split, example]} answers, not {most:.0f}; delete the "
                "file and run again, which samples them again"
            )
    return pd.concat(tables, ignore_index=True)


def read_grades(path: Path, graders: Sequence[str], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read the grades of a run: epoch, split, example_id, sample, the graders' columns and further ones.

    Raises:
        UserError: if an answer has no grade, or an example fewer answers than others.
    """
    table = read_table(path, wanted := ["epoch", "split", "example_id", "sample", *graders, *columns])[wanted]
    for grader in graders:
        if not (known := table[grader].isin(GRADE_VALUES)).all():
            raise _damaged(path, f"grader {grader} has no grade for {(~known).sum():,} of {len(table):,} answers")
    counts = table.groupby(["epoch", "split", "example_id"], observed=True).size()
    if len(fewer := counts[counts < counts.max()]):
        epoch, split, example = fewer.index[0]
        raise _damaged(
            path, f"example {example} of {split} has {fewer.iloc[0]} answers after epoch {epoch}, not {counts.max()}"
        )
    return table


def read_perplexity(path: Path) -> pd.DataFrame:
    """Read the perplexities of a run's training targets: example_id, epoch, perplexity.

    Raises:
        UserError: if one is not a number from 1 up.
    """
    table = read_table(path, ["example_id", "epoch", "perplexity"])
    _check_perplexity(table, path)
    return table


def read_memorization(path: Path) -> pd.DataFrame:
    """Read a table with ``MEMORIZATION_COLUMNS``.

    Raises:
        UserError: if a value is missing, an accuracy is no share, or a perplexity is not a number from 1 up.
    """
    table = read_table(path, MEMORIZATION_COLUMNS)
    _check_complete(table[MEMORIZATION_COLUMNS], path)
    _check_perplexity(table, path)
    return table


def read_tests(path: Path) -> pd.DataFrame:
    """Read a table with ``TEST_COLUMNS``; it is empty where no test set has labels.

    Raises:
        UserError: if a value is missing, or an accuracy is no share.
    """
    table = read_table(path, TEST_COLUMNS)
    if len(table):
        _check_complete(table[TEST_COLUMNS], path)
    return table


def _check_complete(table: pd.DataFrame, path: Path) -> None:
    if table.empty:
        raise _damaged(path, "it holds no rows")
    if len(lacking := table.columns[table.isna().any()]):
        raise _damaged(path, f"column {', '.join(lacking)} lacks values")
    if not table["accuracy"].between(0, 1).all():
        raise _damaged(path, "an accuracy is not a share from 0 to 1")


def _check_perplexity(table: pd.DataFrame, path: Path) -> None:
    good = np.isfinite(table["perplexity"]) & (table["perplexity"] >= LOWEST_PERPLEXITY)
    if not good.all():
        row = table[~good].iloc[0]
        raise _damaged(
            path,
            f"the perplexity of example {row['example_id']} after epoch {row['epoch']} is {row['perplexity']}; a "
            "perplexity is a number from 1 up",
        )


def _damaged(path: Path, what: str) -> UserError:
    return UserError(f"{path}: {what}; delete the file and run again, which makes it anew")
