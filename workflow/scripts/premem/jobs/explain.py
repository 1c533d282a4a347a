"""Say of a result what made it, from its data and base model on, and why it is stale, where it is."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from premem.base import provenance
from premem.jobs.plan import Job


def ancestry(result: Path) -> dict[Path, dict[str, Any]]:
    """Return what made a result and everything that it was made from, the result first."""
    found: dict[Path, dict[str, Any]] = {}
    todo = [result]
    while todo:
        path = todo.pop()
        if path not in found and (made := provenance.read(path)):
            found[path] = made
            todo.extend(Path(text) for text in _texts(made["arguments"].values()) if "/" in text)
    return found


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from _texts(value)


def describe(result: Path) -> str:
    """Say what made a result: its job, and the settings of all jobs that led to it."""
    made = ancestry(result)
    if result not in made:
        return f"{result}: nothing is known of what made it"
    first = made[result]
    lines = [
        ("made by", f"{first['script']}.py, {first['ended']}, in {first['seconds']:g} s"),
        ("commit", first["commit"] or "not in git"),
        ("device", first["device"]),
        ("versions", ", ".join(f"{name} {number}" for name, number in first["versions"].items())),
    ]
    by_script: dict[str, dict[str, set[str]]] = {}
    for record in made.values():
        values = by_script.setdefault(record["script"], {})
        for name, value in [("code", record["code"]), *_flatten(record["arguments"])]:
            values.setdefault(name, set()).add(str(value))
    for script, values in by_script.items():
        lines.append((f"{script}.py", ""))
        lines += [(f"  {name}", ", ".join(sorted(several))) for name, several in values.items()]
    for path, record in made.items():  # what all began with: base models and data, by their checksums
        if path.parent.parent.name == "data":
            lines.append((f"{path.parent.name}/{path.name}", f"sha256 {record['sha256'][:12]}"))
        if path.suffix == ".json" and path.parent.name == "models":
            checksums = json.loads(path.read_text(encoding="utf-8"))
            lines.append((f"model {path.stem}", ", ".join(f"{name} {sha[:12]}" for name, sha in checksums.items())))
    width = max(len(name) for name, _ in lines)
    return "\n".join([str(result), *(f"  {name:{width}}  {text}".rstrip() for name, text in lines)])


def _flatten(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted names; paths are left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif not any("/" in text for text in _texts([value])) and value is not None:
            yield f"{prefix}{name}", value


DIGEST = re.compile("[0-9a-f]{16}")
UPDATED = re.compile(r"(?i);?\s*input files updated by another job: [^;]*")


def why_stale(jobs: Sequence[Job]) -> list[str]:
    """Say why jobs of a dry run would run: a line for each that does not merely follow another.

    Example:
        ``settle_training (epochs=4, size=full): training.warmup_steps 4 → 40``
    """
    lines: dict[str, None] = {}
    for job in jobs:
        if reason := UPDATED.sub("", job.reason).strip(" ;"):
            wildcards = ", ".join(f"{name}={value}" for name, value in job.wildcards.items())
            lines[f"{job.rule}{f' ({wildcards})' if wildcards else ''}: {_in_words(reason)}"] = None
    return list(lines)


def _in_words(reason: str) -> str:
    """Turn Snakemake's reason into what a person changed."""
    match = re.search(r"across all output: before: (.*?) now: (.*)$", reason)
    if not match:
        return reason[0].lower() + reason[1:]
    before, now = ([] if text.strip() == "<nothing exclusive>" else _values(text) for text in match.groups())
    if len(before) != len(now):
        return reason
    return "; ".join(change for old, new in _paired(before, now) for change in _changes(old, new))


def _values(text: str) -> list[Any]:
    """Read a list of params as Snakemake prints them: Python literals, blocks of settings as JSON in a string."""
    values = ast.literal_eval(f"[{text.strip().rstrip(';')}]")
    return [json.loads(value) if isinstance(value, str) and value.startswith("{") else value for value in values]


def _paired(before: list[Any], now: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Match what was with what is, the likest first: blocks by their keys, others by their type."""

    def kind(value: object) -> tuple[str, str]:
        if isinstance(value, dict):
            return "block", ",".join(sorted(value))
        is_digest = isinstance(value, str) and DIGEST.fullmatch(value)
        return "digest" if is_digest else type(value).__name__, ""

    return zip(sorted(before, key=kind), sorted(now, key=kind), strict=True)


def _changes(old: Any, new: Any, name: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                yield from _changes(old.get(key), new.get(key), f"{name}.{key}" if name else str(key))
    elif not name and isinstance(old, str) and DIGEST.fullmatch(old):
        yield f"its code changed ({old} → {new})"
    else:
        yield f"{name} {old} → {new}".strip()
