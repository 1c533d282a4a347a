"""Reading a study file more strictly than Snakemake does, which takes the last of two equal keys in silence."""

import json
from pathlib import Path
from typing import Any

import yaml

from premem.base.errors import UserError

RUNS_PYTHON = "__use_yte__"
"""The key by which Snakemake runs Python that a file holds."""


def read_study_file(file: Path) -> dict[str, Any]:
    """Return what a study file holds: YAML or JSON in UTF-8, in which no key stands twice in a block.

    Raises:
        UserError: with the file and the line, if it is not, or if Snakemake would run Python that it holds.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{file}: the study file cannot be read ({error.strerror}); correct its path") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{file}: line {line} is not text in UTF-8; save the file in this encoding") from None
    study = _read_json(text, file) or _read_yaml(text, file)
    if not isinstance(study, dict):
        raise UserError(f"{file}: a study file holds keys with values, such as study: mine")
    if RUNS_PYTHON in study:
        raise UserError(
            f"{file}: the key {RUNS_PYTHON} makes Snakemake run Python code of the file (with --configfile, it has "
            "already run). A study holds only data: remove this key, and write down the values that the code makes"
        )
    return study


def _read_json(text: str, file: Path) -> Any:
    """Return what Snakemake reads if it is JSON, which it tries first; None if it is not."""

    def make_block(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        block = dict(pairs)
        if len(block) < len(pairs):
            names = [name for name, _ in pairs]
            raise UserError(
                f"{file}: the key {max(names, key=names.count)} stands twice in a block; remove one of them"
            )
        return block

    try:
        return json.loads(text, object_pairs_hook=make_block)
    except (ValueError, RecursionError):
        return None


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[str, yaml.Mark] = {}
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                again = f"the key {name} stands here for the second time; the first is in line {seen[name].line + 1}"
                raise yaml.MarkedYAMLError(problem=f"{again}. Remove one of the two", problem_mark=key.start_mark)
            seen[name] = key.start_mark
        return node


def _read_yaml(text: str, file: Path) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = "; ".join(filter(None, (error.problem, error.context)))
        raise UserError(f"{file}: line {mark.line + 1}, column {mark.column + 1}: {what}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise UserError(
            f"{file}: line {line}: YAML cannot hold the character U+{error.character:04X}; remove it"
        ) from None
    except RecursionError:
        raise UserError(f"{file}: its blocks or lists are nested too deeply to be read; nest fewer of them") from None
    except ValueError as error:  # a date or a number that is none
        raise UserError(f"{file}: {error}; put this value in quotes if it is a text") from None
