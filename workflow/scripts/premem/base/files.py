"""Writing files and folders whole or not at all."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from premem.base import provenance
from premem.base.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a disk, or of a share of it, that is full."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a path next to ``path`` to write to; it replaces ``path`` if the block ends without an error.

    The path may become a file or a folder. A reader sees the old state or the new one, never a part, also after a power
    cut. What made the result is noted next to it.

    Raises:
        UserError: if the disk is full.
    """
    aside = path.with_name(f".{path.name}.partial")
    remove(aside)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        _sync(aside)
        if path.is_dir():  # or a link to one
            remove(path)
        provenance.forget(path)  # a process killed here leaves a result without a note, not one with a wrong note
        aside.replace(path)
        provenance.note(path)
    except BaseException as error:
        said = _disk_is_full(error, path, aside)
        remove(aside)
        if said:
            raise UserError(said) from error
        raise


def _sync(path: Path) -> None:
    """Make the system write a file, or all files of a folder, to the disk now."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as stream:
            os.fsync(stream.fileno())


def _disk_is_full(error: BaseException, path: Path, aside: Path) -> str | None:
    """Return a message if an error says that the disk is full; otherwise None."""
    # safetensors raises errors of its own, whose messages contain the system's message.
    if getattr(error, "errno", None) not in FULL and not any(os.strerror(code) in str(error) for code in FULL):
        return None
    folder = next(parent for parent in path.parents if parent.exists())
    files = [file for file in (aside, *aside.rglob("*")) if file.is_file()]
    free, written = shutil.disk_usage(folder).free, sum(file.stat().st_size for file in files)
    return (
        f"{path}: the disk is full: it needs more than {(free + written) / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB are "
        f"free next to the {written / 1e6:,.1f} MB that were written of it and are removed now; free space on the disk "
        "of this folder and run again (`snakemake remove_unused` removes results that the study no longer mentions)"
    )


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8, whole or not at all."""
    with whole(path) as aside:
        aside.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it exists; what a link points to stays.

    A folder disappears at once, so that a reader never sees a part of it.
    """
    if path.is_dir() and not path.is_symlink():
        aside = path.with_name(f".{path.name}.removed")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(path.rename(aside))
    else:
        path.unlink(missing_ok=True)


def write_identity(folder: Path, path: Path) -> None:
    """Write the SHA-256 checksums of all files of a folder as JSON; they change only if the folder changes."""
    with whole(path) as aside:
        aside.write_text(json.dumps(_checksums(folder), indent=1) + "\n", encoding="utf-8")


def check_identity(folder: Path, path: Path) -> None:
    """Refuse a folder whose files are no longer those whose checksums were written.

    Raises:
        UserError: naming the files that differ.
    """
    known, found = read_json(path), _checksums(folder)
    differing = sorted(name for name in {*known, *found} if known.get(name) != found.get(name))
    if differing:
        raise UserError(
            f"{folder}: {', '.join(differing[:3])}{' …' if differing[3:] else ''} changed since its checksums were "
            f"taken ({path}): put the files back, or, if the change is meant, delete that file and run again"
        )


def _checksums(folder: Path) -> dict[str, str]:
    checksums = {}
    for file in sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")):
        with file.open("rb") as stream:
            checksums[str(file.relative_to(folder))] = hashlib.file_digest(stream, "sha256").hexdigest()
    return checksums


def read_json(path: Path) -> Any:
    """Read a JSON file that a job wrote.

    Raises:
        UserError: if it is not there, damaged, or no longer what was written.
    """
    provenance.check(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); delete it and run again") from error


def link_folder(source: Path, folder: Path) -> None:
    """Make a folder with the same files as another, whole or not at all; files are copied if they cannot be linked."""
    with whole(folder) as aside:
        shutil.copytree(source, aside, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
