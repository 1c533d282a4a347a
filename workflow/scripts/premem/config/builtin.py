"""Built-in datasets, which an entry of a study may start from."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from premem.base.errors import UserError
from premem.config.messages import describe_unknown

BUILTIN_DATASETS = Path(__file__).with_name("builtin_datasets.yaml")


@cache
def builtin_datasets() -> dict[str, dict[str, Any]]:
    """Return the entries of the built-in datasets by name."""
    return yaml.safe_load(BUILTIN_DATASETS.read_text(encoding="utf-8"))


def fill_builtin_datasets(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration whose entries of ``datasets`` that say ``builtin: NAME`` are complete.

    Raises:
        UserError: if there is no built-in dataset of that name.
    """
    if not isinstance(config.get("datasets"), Mapping):
        return dict(config)
    datasets = {
        name: _fill_builtin(name, entry, config.get("local_data")) if isinstance(entry, Mapping) else entry
        for name, entry in config["datasets"].items()
    }
    return {**config, "datasets": datasets}


def _fill_builtin(name: str, entry: Mapping[str, Any], local_data: str | None) -> dict[str, Any]:
    """Complete an entry that says ``builtin: NAME``; its own keys win.

    A split of its own replaces the built-in one if it names a source. Otherwise it changes single keys, such as
    ``num_examples: 300``.
    """
    own = dict(entry)
    builtin_name = own.pop("builtin", None)
    if builtin_name is None:
        return own
    builtin = builtin_datasets()
    if not isinstance(builtin_name, str) or builtin_name not in builtin:
        raise UserError(f"datasets.{name}.builtin: {describe_unknown('built-in dataset', str(builtin_name), builtin)}")
    known = builtin[builtin_name]

    def override(builtin_split: dict[str, Any], own_split: Any) -> Any:
        if not isinstance(own_split, Mapping):
            return own_split  # refused by the block that it is meant to be
        if local_data and "hub" in builtin_split:
            builtin_split = {"files": [f"{local_data}/{builtin_name}/{builtin_split['split']}.jsonl"]}
        names_a_source = own_split.keys() & {"files", "hub", "generate"}
        return dict(own_split) if names_a_source else {**builtin_split, **own_split}

    own["train"] = train = override(known["train"], own.get("train", {}))
    if not (isinstance(train, Mapping) and train.get("generate") and train.get("wording", "usual") == "usual"):
        # Only the stories of the generator can be written in other words.
        plain = {name: p for name, p in known["perturbations"].items() if "{paraphrase}" not in p.get("prompt", "")}
        own.setdefault("perturbations", plain)
    test = own.get("test", {key: {} for key in known["test"]})
    if isinstance(test, Mapping):
        own["test"] = {name: override(known["test"].get(name, {}), split) for name, split in test.items()}
    return {**known, **own}
