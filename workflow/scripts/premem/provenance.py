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
    packages = ("torch", "transformers", "tokenizers", "datasets", "numpy", "pandas", "statsmodels", "math_verify")
    versions = {name: version(name.replace("_", "-")) for name in packages if name in sys.modules}
    return {**_current, "versions": {"python": platform.python_version(), **versions}}


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
