"""The reference of the configuration: the JSON schema that editors check a study file by, and a page for readers.

Both are made from the blocks: types, ranges and defaults from their annotations, words from their docstrings.
"""

import copy
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from premem.config.block import Block, JsonSchema
from premem.config.builtin import builtin_datasets
from premem.config.dataset import Dataset
from premem.config.study import Study

SCIENTIFIC = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
BUILTIN = (
    "Start from this built-in dataset. No other key is required then. Those that are given change it; in `train` and "
    "`test`, single keys are changed."
)

PAGE = """\
# Configuration

<!-- `make reference` makes this page from workflow/scripts/premem/config/; edit the docstrings there. -->

A study is described by one YAML file. `snakemake` reads `config.yaml`, and `snakemake --configfile FILE` reads FILE
instead. `--config key=value` sets a key of the top level for one call.

Every problem in a study file is reported before a job starts, with the file, the key and how to fix it. Editors that
understand JSON schemas, such as Visual Studio Code with its YAML extension, complete and check the keys as you type. A
study file asks for that in its first line, by the path from the file to `config/schema.json`:

```text
# yaml-language-server: $schema=schema.json
```

The tables below have one line per key. A key without a default is required. *None* as the default means that the key is
left out. NAME stands for a name that you give. The last column tells which results an edit makes anew; “what follows”
are all results that are made from these. [What runs again](what-reruns.md) has the details.
"""


def json_schema() -> JsonSchema:
    """Return the JSON schema of a study file, draft 7, which editors understand best.

    It takes what a file may hold: also built-in datasets with single keys changed, one value where a list may stand,
    and numbers such as ``2e-3``, which PyYAML reads as text.
    """
    schema = Study.model_json_schema(schema_generator=_Generator)
    blocks = schema["$defs"]
    blocks["BuiltinDataset"] = builtin = copy.deepcopy(blocks["Dataset"])
    builtin["required"] = ["builtin"]
    keys = {"builtin": {"enum": [*builtin_datasets()], "description": BUILTIN}, **builtin["properties"]}
    builtin["properties"] = keys
    keys["train"]["$ref"] = keys["test"]["additionalProperties"]["$ref"] = "#/$defs/ChangedSplit"
    blocks["ChangedSplit"] = {key: value for key, value in blocks["Split"].items() if key != "oneOf"}
    schema["properties"]["datasets"]["additionalProperties"] = {
        "if": {"required": ["builtin"]},
        "then": {"$ref": "#/$defs/BuiltinDataset"},
        "else": {"$ref": "#/$defs/Dataset"},
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", **_describe_anew(schema)}


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchema:
        return {**super().float_schema(schema), "type": ["number", "string"], "pattern": SCIENTIFIC}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchema:
        """As pydantic's, but that no other name is allowed, and that names that look like numbers are."""
        made = super().dict_schema(schema)
        names = self.generate_inner(schema["keys_schema"])
        made["additionalProperties"] = self.generate_inner(schema["values_schema"])
        made.pop("patternProperties", None)
        made["propertyNames"] = names if names["type"] == "string" else {"pattern": "^[0-9]+$"}
        return made


def _describe_anew(part: Any) -> Any:
    """Write descriptions for editors, which show Markdown: without markup of docstrings, lines joined."""
    if isinstance(part, list):
        return [_describe_anew(item) for item in part]
    if not isinstance(part, dict):
        return part
    described = {key: _describe_anew(value) for key, value in part.items()}
    if isinstance(text := part.get("description"), str):
        words, rerun = _split(text)
        described["description"] = f"{words} An edit reruns: {rerun}." if rerun else words
    return described


def _split(docstring: str | None) -> tuple[str, str]:
    """Return what a docstring says of a block or key in Markdown, and what an edit reruns (empty if it is silent)."""
    words, _, rerun = inspect.cleandoc(docstring or "").partition("Reruns: ")
    return " ".join(words.split()).replace("``", "`"), " ".join(rerun.split()).rstrip(".")


@dataclass(frozen=True)
class Key:
    """A key of a study file."""

    path: tuple[str, ...]
    """The way to it. ``NAME`` stands for a name that a study gives, ``[]`` for a place in a list."""
    block: type[Block]
    """The block that it is a key of."""
    reruns: str
    """What an edit of it reruns."""

    @property
    def name(self) -> str:
        return self.path[-1]


def keys_of_study() -> list[Key]:
    """Return all keys of a study file, each block's before those of the blocks within it."""
    return [*_keys_of(Study, (), "")]


def _keys_of(block: type[Block], at: tuple[str, ...], reruns: str) -> Iterator[Key]:
    within = []
    for name, field in block.model_fields.items():
        definer = next(base for base in reversed(block.__mro__) if name in getattr(base, "model_fields", {}))
        found = _block_within(field.annotation)
        of_key, of_block, of_inner = (
            _split(text)[1] for text in (field.description, definer.__doc__, found[0].__doc__ if found else None)
        )
        words = of_key or of_inner or of_block or reruns
        yield Key((*at, name), block, words)
        if found:
            within.append((found[0], (*at, name, *found[1]), words))
    for inner, path, words in within:
        yield from _keys_of(inner, path, words)


def _block_within(annotation: Any, container: tuple[str, ...] = ()) -> tuple[type[Block], tuple[str, ...]] | None:
    """Return the block that a key's value is, or that its values are, and what then stands between their keys."""
    if inspect.isclass(annotation) and issubclass(annotation, Block):
        return annotation, container
    container = {dict: ("NAME",), tuple: ("[]",)}.get(get_origin(annotation), container)
    return next((found for arg in get_args(annotation) if (found := _block_within(arg, container))), None)


def page() -> str:
    """Return the page for readers: for every block a table of its keys."""
    schema = json_schema()
    blocks: dict[type[Block], dict[str, list[Key]]] = {}
    for key in keys_of_study():
        blocks.setdefault(key.block, {}).setdefault(_write_path(key.path[:-1]), []).append(key)
    titles = {block: ", ".join(f"`{place}`" for place in sorted(places, key=len)) for block, places in blocks.items()}
    titles[Study] = "The study"
    return "\n".join([PAGE, *(_write_section(block, places, titles, schema) for block, places in blocks.items())])


def _write_path(path: tuple[str, ...]) -> str:
    return ".".join(path).replace(".[]", "[]")


def _write_section(
    block: type[Block], places: dict[str, list[Key]], titles: dict[type[Block], str], schema: JsonSchema
) -> str:
    lines = [f"## {titles[block]}", "", _split(block.__doc__)[0], ""]
    if len(places) > 1:
        lines += ["What an edit reruns depends on the place:", ""]
        lines += [f"- `{place}`: {keys[0].reruns}." for place, keys in places.items()] + [""]
    lines += ["| key | type | default | what it does | an edit reruns |", "| --- | --- | --- | --- | --- |"]
    shape = schema if block is Study else schema["$defs"]["BuiltinDataset" if block is Dataset else block.__name__]
    for name, value in shape["properties"].items():
        field = block.model_fields.get(name)
        kind = _write_type(value)
        if found := _block_within(field.annotation) if field else None:
            kind = kind.replace(
                "block", f"[block](#{re.sub(r'[^a-z_ -]', '', titles[found[0]].lower()).replace(' ', '-')})"
            )
        words = {key.reruns for keys in places.values() for key in keys if key.name == name} or {"the whole dataset"}
        default = _write_default(field) if field else "*None*"
        cells = [f"`{name}`", kind, default, value["description"].partition(" An edit reruns: ")[0]]
        lines.append(f"| {' | '.join([*cells, words.pop() if len(words) == 1 else 'see above'])} |")
    return "\n".join([*lines, ""])


def _write_default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    if field.default is None:
        return "*None*"
    if isinstance(field.default, Block):
        return "its own defaults"
    return f"`{json.dumps(field.default, ensure_ascii=False)}`"


def _write_type(shape: JsonSchema) -> str:
    """Say in words what a JSON schema allows."""
    match shape:
        case {"$ref": _} | {"if": _}:
            return "block"
        case {"anyOf": options}:
            one, *more = [option for option in options if option != {"type": "null"}]
            if more and more[0].get("items") == one:
                return f"{_write_type(one)}, or a list of such"
            return ", or ".join(map(_write_type, (one, *more)))
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"const": value}:
            return f"`{value}`"
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"type": "array", "items": items}:
            return f"list of {_write_several(items)}"
        case {"type": "object", "additionalProperties": values, "propertyNames": names}:
            return f"{_write_type(names) if 'enum' in names else names.get('title', 'number')}: {_write_type(values)}"
        case {"type": "string"}:
            return shape.get("title", "text")
    number = "whole number" if shape["type"] == "integer" else "number"
    return f"{number}{_write_range(shape)}"


def _write_several(shape: JsonSchema) -> str:
    return re.sub(r"^(whole number|number|name|path|text|block)\b", r"\1s", _write_type(shape))


def _write_range(shape: JsonSchema) -> str:
    low, above, high, below = (shape.get(key) for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"))
    if shape["type"] == "integer":
        low = above + 1 if above is not None else low
        high = below - 1 if below is not None else high
    first = (
        f" from {_write_number(low)}"
        if low is not None
        else f" above {_write_number(above)}"
        if above is not None
        else ""
    )
    to = " to" if low is not None else ", at most"
    last = (
        f"{to} {_write_number(high)}"
        if high is not None
        else f", below {_write_number(below)}"
        if below is not None
        else ""
    )
    return first + last


def _write_number(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) and number < 1e13 else f"{number:g}"
