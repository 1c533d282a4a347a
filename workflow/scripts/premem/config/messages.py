"""What is said of a bad study file: one line for every problem, with the key and how to fix it."""

import difflib
import reprlib
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

RENAMED_KEYS = {"examples": ("num_examples", "example_reports")}
"""Old names of keys. The new name is the one that the block has."""
RENAMED_VALUES = {"analyses": {"examples": "example_reports", "models": "model_comparison"}}
"""Old names of values, by key."""

WANTED = {
    "bool": "true or false",
    "dict": "keys with values",
    "finite": "a finite number",
    "float": "a number",
    "greater": "a number {limit}",
    "int": "a whole number",
    "less": "a number {limit}",
    "literal": "{expected}",
    "model": "keys with values",
    "string": "a text, in quotes if it looks like a number or a date",
    "tuple": "a list",
}
"""What should have been given, by how the type of pydantic's finding begins."""

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother = 3, 80, 80


def describe_unknown(kind: str, value: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(value[:100], [*known], n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known) or 'none'}"
    return f"unknown {kind} {write_value(value)}; {hint}"


def write_value(value: Any) -> str:
    """Return a value as it is shown in a message: a long one is shortened."""
    try:
        return _short.repr(value)
    except ValueError:  # numbers with thousands of digits
        return "a very large number"


def describe_findings(error: ValidationError, whole: type[BaseModel]) -> Iterator[str]:
    """Turn pydantic's findings into lines such as ``sweep[1].lr[0]: a learning rate is above 0, not -1``."""
    for finding in error.errors():
        where = [part for part in finding["loc"] if not _is_tag(part)]
        if len(where) < len(finding["loc"]) and _is_of_other_kind(finding):
            continue
        key = _short_key("".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip("."))
        for line in _describe(finding, where, whole).split("\n"):
            yield f"{key}: {line}" if key else line


def _describe(finding: ErrorDetails, where: list[int | str], whole: type[BaseModel]) -> str:
    kind, given = finding["type"], finding["input"]
    match kind:
        case "extra_forbidden":
            fields = getattr(_block_at(whole, where[:-1]), "model_fields", {})
            for new in RENAMED_KEYS.get(str(where[-1]), ()):
                if new in fields:
                    return f"this key is now called {new}; rename it"
            return describe_unknown("key", str(where[-1]), fields)
        case "missing":
            return "this key is missing"
        case "value_error":
            return finding["msg"].removeprefix("Value error, ")
        case "literal_error" if isinstance(given, str) and given in RENAMED_VALUES.get(str(where[0]), {}):
            return f"{given} is now called {RENAMED_VALUES[str(where[0])][given]}; rename it"
        case "too_short" | "too_long":
            fewest = kind == "too_short"
            number = finding["ctx"]["min_length" if fewest else "max_length"]
            return f"give at {'least' if fewest else 'most'} {number} item{'s' if number > 1 else ''}"
        case "string_too_short" | "string_too_long":
            fewest = kind == "string_too_short"
            number = finding["ctx"]["min_length" if fewest else "max_length"]
            return f"give at {'least' if fewest else 'most'} {number} character{'s' if number > 1 else ''}"
        case "string_unicode":
            return "a text cannot hold halves of characters (surrogates)"
        case "invalid_key":
            return "a key is a text; put it in quotes"
    limit = finding["msg"].removeprefix("Input should be ")
    wanted = WANTED.get(kind.partition("_")[0], limit).format(
        limit=limit, expected=finding.get("ctx", {}).get("expected")
    )
    return f"give {wanted} (given: {write_value(given)})"


def _is_tag(part: int | str) -> bool:
    """Is this what pydantic adds to a location: of which kind a value was thought to be, or that it is a key?"""
    return isinstance(part, str) and (part == "[key]" or part.startswith(("literal[", "tuple[")))


def _is_of_other_kind(finding: ErrorDetails) -> bool:
    """A key that takes a word or a list has a finding for each: is this the one for what was not given?"""
    return finding["type"] == ("literal_error" if isinstance(finding["input"], list | tuple) else "tuple_type")


def _short_key(key: str) -> str:
    return key if len(key) <= 200 else f"{key[:200]}…"


def _block_at(whole: type[BaseModel], where: list[int | str]) -> type[BaseModel] | None:
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
