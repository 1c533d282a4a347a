"""Rows that people bring: JSON lines, JSON arrays, CSV, TSV and Parquet files, each also compressed with gzip.

Numbers become text as they were written, and never pass through floats. Text is UTF-8, whatever the locale.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from premem.base.errors import UserError

GZIP = b"\x1f\x8b"
"""The first bytes of a file that gzip made."""
UTF16 = (b"\xff\xfe", b"\xfe\xff")
"""The first bytes of a text in UTF-16."""


class Number(str):
    """A number, as it was written."""

    __slots__ = ()


@dataclass(frozen=True)
class Rows:
    """Rows of one or several files, or of another source."""

    table: pd.DataFrame
    """The columns that were asked for, as far as they are there; rows count from 0. A column that was read from a file
    holds objects: text, ``Number``, truth values, None where nothing is, and lists and dictionaries as they are."""
    names: list[str]
    """All columns of the source."""
    origin: pd.MultiIndex | None = None
    """The file and the row in it, counted from 1, of every row; in JSON lines the row is the line. None: no files."""

    def place(self, row: int) -> str:
        """Return where a row is, such as ``data/train.jsonl, row 3``."""
        return f"row {row + 1}" if self.origin is None else "{}, row {}".format(*self.origin[row])

    def texts(self, column: str) -> list[str | None]:
        """Return a column as text, None where nothing is.

        Raises:
            UserError: naming the place and the column of what is no text, such as a list.
        """
        values = self.table[column]
        with suppress(TypeError, UnicodeEncodeError):  # nearly always all are text, which takes no look at each
            "".join(value for value in values if value is not None).encode()
            return [None if value is None else str(value) for value in values]
        texts = []
        for row, value in enumerate(values):
            try:
                texts.append(as_text(value))
            except ValueError as error:
                raise UserError(f"{self.place(row)}, column {column}: {error}") from None
        return texts


def as_text(value: Any) -> str | None:
    """Return a value as text, None if it is none.

    Raises:
        ValueError: if it is neither text, nor a number, nor a truth value.
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError(f"it holds half a character: {value!r}; save the text again as UTF-8")
            return str(value)
        case int() | float() | UUID():
            return None if value != value else str(value)
        case list() | tuple():
            raise ValueError("it holds a list, not a text; give every text a row of its own, or name another column")
        case dict():
            raise ValueError("it holds an object, not a text; give its parts columns of their own, or name another one")
        case _:
            raise ValueError(f"it holds {type(value).__name__}, not a text; save it as text, or name another column")


def read_rows(files: Sequence[Path], wanted: Collection[str]) -> Rows:
    """Read files, one after the other.

    Args:
        files: of any of ``READERS``; a column that only some of them have is empty in the others.
        wanted: the columns to return, as far as there are any of these names. What the other columns hold is no matter.

    Raises:
        UserError: naming the file, and the row if it is one that cannot be read.
    """
    tables, names = [], []
    for file in files:
        table, found = _read_file(file, wanted)
        tables.append(table)
        names += found
    table = pd.concat(tables, keys=[str(file) for file in files])
    return Rows(table.reset_index(drop=True), list(dict.fromkeys(names)), table.index)


def rows_of_table(table: pa.Table, wanted: Collection[str]) -> Rows:
    """Return the rows of an Arrow table; see ``read_rows``.

    Raises:
        ValueError: if a column cannot be read or occurs twice.
    """
    return Rows(_columns_of_table(table.select(_found(table.column_names, wanted))), table.column_names)


def _read_file(file: Path, wanted: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the wanted columns, with the row in the file as index, and the names of all columns."""
    kind = Path(file.name.lower().removesuffix(".gz")).suffix
    if kind not in READERS:
        raise UserError(f"{file}: tables are read from {', '.join(READERS)} files, each also as .gz; save it as one")
    try:
        data = file.read_bytes()
        data = gzip.decompress(data) if data.startswith(GZIP) else data
        table, names = READERS[kind](data, wanted)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError, csv.Error, pa.ArrowException) as error:
        raise UserError(f"{file}: not readable as {kind.lstrip('.')}: {error}; correct it, or save it again") from error
    if not names:
        raise UserError(f"{file}: it holds no rows; correct the path, or save it again")
    return table, names


def _found(names: Sequence[str], wanted: Collection[str]) -> list[str]:
    found = [name for name in dict.fromkeys(names) if name in wanted]
    if twice := [name for name in found if names.count(name) > 1]:
        raise ValueError(f"column {twice[0]} occurs twice")
    return found


def _decode(data: bytes) -> str:
    if data.startswith(UTF16):
        raise ValueError("it is UTF-16, not UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"it is not UTF-8: byte 0x{data[error.start]:02x} in line {line}") from None


def _table(columns: Mapping[str, Sequence[Any]], rows: Iterable[int]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.Index(rows, dtype="int64"), dtype=object)


# --- JSON -----------------------------------------------------------------------------------------------------------


def _read_json(data: bytes, wanted: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """Read an array of objects, or an object on every line, whatever the file is called."""
    text = _decode(data)
    if text.lstrip().startswith("["):
        rows = dict(enumerate(_parse(text), start=1))
    else:
        # Not splitlines: other line separators may stand within a text.
        lines = enumerate(text.split("\n"), start=1)
        rows = {number: _parse(line, f"row {number}: ") for number, line in lines if line.strip()}
    for number, row in rows.items():
        if not isinstance(row, dict):
            raise ValueError(f'row {number} holds no object, such as {{"question": …}}, but {json.dumps(row)[:40]}')
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    found = _found(names, wanted)
    return _table({name: [row.get(name) for row in rows.values()] for name in found}, rows), names


def _parse(text: str, where: str = "") -> Any:
    try:
        return JSON.decode(text)
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if where else f"line {error.lineno} column {error.colno}"
        raise ValueError(f"{where}{error.msg} at {place} (an object on every line, or an array of them)") from None
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} occurs twice in one object")
    return row


JSON = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=Number,
    parse_float=Number,
    parse_constant=lambda word: None if word == "NaN" else Number(word),
    strict=False,  # a tab or a line break within a text is what it is
)


# --- CSV and TSV ----------------------------------------------------------------------------------------------------


def _read_csv(data: bytes, wanted: Collection[str], delimiter: str) -> tuple[pd.DataFrame, list[str]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(_decode(data), newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        names = next(reader, [])
        for row in reader:
            if row and len(row) != len(names):
                raise ValueError(
                    f"row {len(rows) + 1} (line {reader.line_num}) has {len(row)} values, but there are {len(names)} "
                    f"columns; a text that holds {delimiter!r}, quotes or line breaks stands in quotes"
                )
            if row:
                rows.append(row)
    except csv.Error as error:
        raise ValueError(f"row {len(rows) + 1} (line {reader.line_num}): {error}") from None
    found = _found(names, wanted)
    columns = {name: [row[position] for row in rows] for name in found for position in [names.index(name)]}
    return _table(columns, range(1, len(rows) + 1)), names


# --- Parquet --------------------------------------------------------------------------------------------------------


def _read_parquet(data: bytes, wanted: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        names = file.schema_arrow.names
        found = _found(names, wanted)
        table = file.read(columns=found).select(found)  # a name also reads those that begin with it and a dot
    return _columns_of_table(table), names


def _columns_of_table(table: pa.Table) -> pd.DataFrame:
    columns = {}
    for name in table.column_names:
        try:
            columns[name] = _values(table[name])
        except (ValueError, OverflowError, pa.ArrowException) as error:
            raise ValueError(f"column {name}: {error}") from None
    return _table(columns, range(1, table.num_rows + 1))


def _values(column: pa.ChunkedArray) -> Sequence[Any]:
    if pa.types.is_nested(column.type) or isinstance(column.type, pa.BaseExtensionType):
        return column.to_pylist()
    # Every value is turned into text once, however often it occurs.
    encoded = (column if pa.types.is_dictionary(column.type) else column.dictionary_encode()).unify_dictionaries()
    encoded = encoded.combine_chunks()
    values = np.array([*_distinct(encoded.dictionary), None], dtype=object)
    return values[encoded.indices.fill_null(len(values) - 1).to_numpy()]


def _distinct(values: pa.Array) -> list[Any]:
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type) or pa.types.is_decimal(values.type):
        # As many digits of a float as name it.
        return [None if text is None else Number(text) for text in values.cast(pa.string()).to_pylist()]
    if pa.types.is_temporal(values.type):
        return [None if value is None else str(value) for value in values.to_pylist()]
    return values.to_pylist()


READERS: dict[str, Callable[[bytes, Collection[str]], tuple[pd.DataFrame, list[str]]]] = {
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".json": _read_json,
    ".csv": partial(_read_csv, delimiter=","),
    ".tsv": partial(_read_csv, delimiter="\t"),
    ".parquet": _read_parquet,
}
"""By the end of a file's name."""
