"""Parquet tables: read with their columns checked, written whole, with what made them in their metadata."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from premem.base import provenance
from premem.base.errors import UserError
from premem.base.files import whole

MADE_BY = b"premem"


def write_table(table: pd.DataFrame, path: Path, **notes: Any) -> None:
    """Write a table; what made it (``premem.base.provenance``) and the notes go into its Parquet metadata as JSON."""
    data = pa.Table.from_pandas(table, preserve_index=False)
    made_by = json.dumps({**provenance.current(), **notes}, sort_keys=True)
    data = data.replace_schema_metadata({**(data.schema.metadata or {}), MADE_BY: made_by})
    with whole(path) as aside:
        pq.write_table(data, aside, compression="zstd", write_page_checksum=True)


def read_table(path: Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table that has at least these columns.

    Raises:
        UserError: if the file cannot be read, lacks a column, or is no longer what was written.
    """
    provenance.check(path)
    with _explained(path, "Parquet"), pq.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read().to_pandas()
    _require(columns, table, path)
    return table


def read_made_by(path: Path) -> dict[str, Any]:
    """Return what made a table, as ``write_table`` recorded it.

    Raises:
        UserError: if the file cannot be read, or is no longer what was written.
    """
    provenance.check(path)
    with _explained(path, "Parquet"):
        return json.loads((pq.read_schema(path).metadata or {}).get(MADE_BY, b"{}"))


@contextmanager
def _explained(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, OverflowError, MemoryError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable {kind} table ({reason}); delete it and run again") from error


def _require(columns: Iterable[str], table: pd.DataFrame, path: Path) -> None:
    if missing := [column for column in columns if column not in table]:
        raise UserError(
            f"{path}: column {', '.join(missing)} is missing (it has {', '.join(table)}); delete it and run again"
        )


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table for people to read, as CSV with 6 significant digits."""
    with whole(path) as aside:
        table.to_csv(aside, index=False, float_format="%.6g")


def read_csv(path: Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table that ``write_csv`` wrote; learning rates and names of sizes stay as they are spelled.

    Raises:
        UserError: if the file cannot be read, lacks one of these columns, or is no longer what was written.
    """
    provenance.check(path)
    with _explained(path, "CSV"):
        # Only an empty field is none: pandas takes words such as NA, which may be names, for none as well.
        table = pd.read_csv(path, dtype={"lr": str, "size": str}, keep_default_na=False, na_values=[""])
    _require(columns, table, path)
    return table
