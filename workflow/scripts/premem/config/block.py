"""What every block of a study shares: unknown keys are refused, values do not change once read."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# Names become folder names and Snakemake wildcards, so they hold no character that would make a path ambiguous.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9.-]*"


Name = Annotated[str, Field(pattern=rf"^{NAME_PATTERN}$")]


Fraction = Annotated[float, Field(gt=0, le=1)]


Dtype = Literal["float32", "bfloat16", "float16"]


def _refuse_option(value: str) -> str:
    if not value or value.startswith("-"):
        raise ValueError(f"it is empty or begins with a hyphen, which would make it an option of a command: {value!r}")
    return value


RemoteName = Annotated[str, AfterValidator(_refuse_option)]
"""The name of a repository, or of a version of it, as a command is given it."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


OneOrMore = BeforeValidator(_as_list)


class Block(BaseModel):
    """A block of the configuration: unknown keys are refused, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def check_one_of(block: Block, *keys: str) -> str:
    """Return which of these keys a block gives.

    Raises:
        ValueError: unless it gives exactly one.
    """
    given = [key for key in keys if getattr(block, key) is not None]
    if len(given) != 1:
        raise ValueError(f"give one of {', '.join(keys[:-1])} and {keys[-1]} (given: {', '.join(given) or 'none'})")
    return given[0]
