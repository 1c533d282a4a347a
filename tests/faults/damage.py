"""Damage to the files of a study, one kind a function. Each takes a file and replaces it, so that hard links stay."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from premem.base.provenance import path_of

Damage = Callable[[Path, random.Random], None]


def replace(file: Path, data: bytes) -> None:
    file.unlink()
    file.write_bytes(data)


def truncate(file: Path, chance: random.Random) -> None:
    """Leave a part."""
    data = file.read_bytes()
    replace(file, data[: chance.randrange(1, max(2, len(data)))])


def empty(file: Path, chance: random.Random) -> None:
    """Leave nothing."""
    replace(file, b"")


def flip_bit(file: Path, chance: random.Random) -> None:
    """Change one bit."""
    data = bytearray(file.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    replace(file, bytes(data))


def fill_with_zeros(file: Path, chance: random.Random) -> None:
    """Keep the length, as some disks do after a power cut."""
    replace(file, bytes(file.stat().st_size))


def lose(file: Path, chance: random.Random) -> None:
    """Remove the file."""
    file.unlink()


def become_folder(file: Path, chance: random.Random) -> None:
    """Put a folder in its place."""
    file.unlink()
    file.mkdir()


def break_link(file: Path, chance: random.Random) -> None:
    """Put a link that leads nowhere in its place."""
    file.unlink()
    file.symlink_to("nothing")


ANY: tuple[Damage, ...] = (
    truncate,
    empty,
    flip_bit,
    fill_with_zeros,
    lose,
    become_folder,
    break_link,
)
"""Damage to any file."""


def _rewrite(file: Path, table: pd.DataFrame) -> None:
    file.unlink()
    if file.suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, index=False)


def _read(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, dtype={"lr": str}) if file.suffix == ".csv" else pd.read_parquet(file)


def _numbers(table: pd.DataFrame) -> list[str]:
    return [name for name in table if pd.api.types.is_float_dtype(table[name])]


def set_nan(file: Path, chance: random.Random) -> None:
    """Put NaN into all columns of floats."""
    table = _read(file)
    _rewrite(file, table.assign(**dict.fromkeys(_numbers(table), np.nan)))


def set_infinite(file: Path, chance: random.Random) -> None:
    """Put infinity into one value of every column of floats."""
    table = _read(file)
    for name in _numbers(table):
        table.loc[chance.randrange(len(table)), name] = np.inf
    _rewrite(file, table)


def drop_rows(file: Path, chance: random.Random) -> None:
    """Remove a third of the rows."""
    table = _read(file)
    _rewrite(file, table.drop(index=chance.sample(range(len(table)), max(1, len(table) // 3))))


def drop_column(file: Path, chance: random.Random) -> None:
    """Remove a column."""
    table = _read(file)
    _rewrite(file, table.drop(columns=chance.choice(list(table))))


TABLES: tuple[Damage, ...] = (set_nan, set_infinite, drop_rows, drop_column)
"""Damage to a table, which stays readable."""


def kinds_for(file: Path) -> tuple[Damage, ...]:
    """Return the kinds of damage that a file can take."""
    return (*ANY, *TABLES) if file.suffix in (".parquet", ".csv") else ANY


def set_text(text: str) -> Damage:
    """Return damage that puts a text in the place of what was there."""
    return lambda file, chance: replace(file, text.encode())


def forget_note(file: Path) -> None:
    """Remove the note that holds the file's checksum."""
    path_of(file).unlink(missing_ok=True)


def copy_linked(results: Path, target: Path) -> None:
    """Copy results without logs; files are hard links, since damage and the workflow replace files."""
    skipped = shutil.ignore_patterns("logs", "benchmarks")
    shutil.copytree(results, target, symlinks=True, ignore=skipped, copy_function=lambda old, new: os.link(old, new))
