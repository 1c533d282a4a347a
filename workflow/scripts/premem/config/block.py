"""What every block of a study shares, and the kinds of values that its keys take.

The reference of the configuration (``reference.py``) is made from the docstrings of blocks and keys. Their last
paragraph may say what an edit reruns: ``Reruns: the figures.``
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.annotated_handlers import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

JsonSchema = dict[str, Any]


def _refuse_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number (YAML reads yes, no, on and off as true and false)")
    return value


# Python takes true for 1. It comes after the constraints, which would otherwise be missing from the JSON schema.
NOT_BOOLEAN = BeforeValidator(_refuse_boolean)


# Of examples, tokens, optimizer steps and whatever else there may be many of.
Count = Annotated[int, Field(gt=0, le=10**9), NOT_BOOLEAN]


# How many epochs, or the number of one.
Epochs = Annotated[int, Field(gt=0, le=10_000), NOT_BOOLEAN]


Processes = Annotated[int, Field(gt=0, le=1024), NOT_BOOLEAN]


# NumPy's and PyTorch's generators all take these.
Seed = Annotated[int, Field(ge=0, lt=2**32), NOT_BOOLEAN]


Fraction = Annotated[float, Field(gt=0, le=1), NOT_BOOLEAN]


# float32 can hold it.
Positive = Annotated[float, Field(gt=0, le=1e38), NOT_BOOLEAN]


# Weight of each number of steps of generated stories. In longer ones, the numbers hardly ever stay small enough.
Steps = Annotated[
    dict[Annotated[int, Field(gt=0, le=20), NOT_BOOLEAN], Annotated[float, Field(gt=0, le=1e9), NOT_BOOLEAN]],
    Field(min_length=1),
]


@dataclass(frozen=True)
class Matching:
    """A text of a kind: the whole of it matches a pattern. If not, ``rule`` says what such a text looks like."""

    kind: str
    pattern: str
    rule: str

    def _check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.rule)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {**handler(schema), "title": self.kind, "pattern": f"^{self.pattern}$"}


# Names become folder names and Snakemake wildcards, so they hold no character that would make a path ambiguous.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9.-]*"
Name = Annotated[
    str,
    Field(max_length=64),
    Matching(
        "name", NAME_PATTERN, "a name has letters, digits, dots and hyphens alone, and begins with a letter or a digit"
    ),
]


# Texts reach jobs on their command lines, which take 128 KB and end at a null character.
Text = Annotated[str, Field(max_length=10_000), Matching("text", r"[^\x00]*", "a text cannot hold a null character")]


# What is given to git and the hub must not look like an option or a path elsewhere.
PLAIN = "letters, digits, dots, hyphens and underscores"
HubId = Annotated[
    str,
    Field(max_length=200),
    Matching(
        "id of the hub",
        r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?",
        f"an id of the hub looks like openai/gsm8k: {PLAIN}, and at most one slash",
    ),
]
Revision = Annotated[
    str,
    Field(max_length=200),
    Matching("commit", r"[A-Za-z0-9][A-Za-z0-9_./-]*", f"give a commit, such as 7d3a1e5 ({PLAIN}, and slashes)"),
]


def _check_path(path: str) -> str:
    if max(len(part.encode()) for part in path.split("/")) > 200:
        raise ValueError("a file or folder of this path has a name of more than 200 bytes; shorten it")
    try:
        Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home directory {path.partition('/')[0]}; write the whole path") from None
    return path


# Snakemake takes braces for wildcards.
PathText = Annotated[
    str,
    Field(max_length=1000),
    Matching(
        "path", r"[^{}\x00-\x1f\x7f]+", "a path cannot be empty or hold braces, line breaks or other control characters"
    ),
    AfterValidator(_check_path),
]


Dtype = Literal["float32", "bfloat16", "float16"]


class _OneOrMore(BeforeValidator):
    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


# A value stands for a list of one.
OneOrMore = _OneOrMore(lambda value: value if isinstance(value, list | tuple) else [value])


class Block(BaseModel):
    """A block of the configuration: unknown keys are refused, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    ONE_OF: ClassVar[tuple[str, ...]] = ()
    """Keys of which exactly one is given, if there are any such."""

    @model_validator(mode="after")
    def _check_one_of(self) -> Self:
        if self.ONE_OF:
            self.given()
        return self

    def given(self) -> str:
        """Return which key of ``ONE_OF`` is given.

        Raises:
            ValueError: unless it is exactly one.
        """
        given = [key for key in self.ONE_OF if getattr(self, key) is not None]
        if len(given) != 1:
            *others, last = self.ONE_OF
            raise ValueError(f"give one of {', '.join(others)} and {last} (given: {', '.join(given) or 'none'})")
        return given[0]

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        block = handler(schema)
        if cls.ONE_OF:
            not_null = {"not": {"type": "null"}}
            handler.resolve_ref_schema(block)["oneOf"] = [
                {"required": [key], "properties": {key: not_null}} for key in cls.ONE_OF
            ]
        return block
