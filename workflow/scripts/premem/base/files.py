"""Writing files and folders whole or not at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from premem.base import provenance


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a path next to ``path`` to write to; it replaces ``path`` if the block ends without an error.

    The path may become a file or a folder. A reader sees the old state or the new one, never a part. What made the
    result is noted next to it.
    """
    aside = path.with_name(f".{path.name}.partial")
    remove(aside)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield aside
    except BaseException:
        remove(aside)
        raise
    if path.is_dir():
        remove(path)
    aside.replace(path)
    provenance.note(path)


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8, whole or not at all."""
    with whole(path) as aside:
        aside.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists. A folder disappears at once, so that a reader sees no part of it."""
    if path.is_dir():
        aside = path.with_name(f".{path.name}.removed")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(path.rename(aside))
    else:
        path.unlink(missing_ok=True)


def write_identity(folder: Path, path: Path) -> None:
    """Write the SHA-256 checksums of all files of a folder as JSON; they change only if the folder changes."""
    checksums = {}
    for file in sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")):
        with file.open("rb") as stream:
            checksums[str(file.relative_to(folder))] = hashlib.file_digest(stream, "sha256").hexdigest()
    with whole(path) as aside:
        aside.write_text(json.dumps(checksums, indent=1) + "\n")


def link_folder(source: Path, folder: Path) -> None:
    """Make a folder with the same files as another, whole or not at all; files are copied if they cannot be linked."""
    with whole(folder) as aside:
        shutil.copytree(source, aside, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
