"""What is said of a bad study file: one line for every problem, with the key and how to fix it."""

import difflib
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError


def describe_unknown(kind: str, value: str, known: Mapping[str, Any]) -> str:
    nearest = difflib.get_close_matches(str(value), list(known), n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}"
    return f"unknown {kind} {value!r}; {hint}"


def describe_findings(error: ValidationError, whole: type[BaseModel]) -> Iterator[str]:
    """Turn pydantic's findings into lines such as ``sweep[1].lr[0]: a learning rate is above 0, not -1``."""
    for finding in error.errors():
        where = finding["loc"]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
        match finding["type"]:
            case "extra_forbidden":
                block = _block_at(whole, where[:-1])
                yield f"{key}: {describe_unknown('key', str(where[-1]), block.model_fields if block else {})}"
            case "missing":
                yield f"{key}: this key is missing"
            case _:
                message = finding["msg"].removeprefix("Value error, ")
                for line in message.split("\n"):
                    given = "" if finding["type"] == "value_error" else f" (given: {finding['input']!r})"
                    yield f"{key}: {line}{given}" if key else f"{line}{given}"


def _block_at(whole: type[BaseModel], where: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the block that a location in the configuration belongs to."""
    here: Any = whole
    for part in where:
        here = _without_wrappers(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation if part in here.model_fields else None
        else:  # a dict or tuple of blocks
            here = next((arg for arg in reversed(get_args(here)) if arg is not Ellipsis), None)
    here = _without_wrappers(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _without_wrappers(annotation: Any) -> Any:
    """``X`` for ``Annotated[X, ...]`` and ``X | None``."""
    while get_origin(annotation) in (Annotated, UnionType):
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation
