"""Odd values, in every key of every block: a study takes them, or says what is wrong with which key."""

import copy
import datetime
import json
from itertools import pairwise

import jsonschema
import pytest
import yaml

from premem.base.errors import UserError
from premem.config.load import load_study
from premem.config.reference import json_schema, keys_of_study

SELF = []
SELF.append(SELF)
DEEP = []
for _ in range(3000):
    DEEP = [DEEP]

ODD = {
    "nothing": None,
    "true": True,
    "false": False,
    "zero": 0,
    "minus one": -1,
    "one": 1,
    "a large number": 10**6,
    "more bits than a generator takes": 2**33,
    "more than 64 bits": 2**70,
    "thousands of digits": 10**5000,
    "half": 0.5,
    "a tiny number": 1e-320,
    "a huge number": 1e308,
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "not a number": float("nan"),
    "infinity as text": "inf",
    "a number as text": "1e-3",
    "no text": "",
    "a word": "wrd",
    "a long text": "x" * 100_000,
    "a long path": "a/" * 5000,
    "braces": "{model}",
    "an option": "--help",
    "a shell command": "$(touch x)",
    "a way up": "../../x",
    "a whole path": "/x",
    "no home": "~no-such-user/x",
    "a null character": "a\0b",
    "a line break": "a\nb",
    "another script": "模型 🎉",
    "half a character": "\ud800",
    "an empty list": [],
    "a list": ["x", 1, None],
    "a list of lists": [[[]]],
    "a list within itself": SELF,
    "many lists": DEEP,
    "an empty block": {},
    "a block": {"x": 1},
    "a block of numbers": {1: 2},
    "a block of nothing": {None: None},
    "a block of lists": {"x": [1]},
    "a date": datetime.date(2025, 1, 1),
    "bytes": b"x",
}


@pytest.fixture(scope="module")
def whole_study(root):
    """A study that has every block somewhere."""
    study = yaml.safe_load((root / "config" / "tiny-curation.yaml").read_text())
    files = [str(root / "config.yaml")]
    source = {"generate": "arithmetic", "steps": {1: 1}, "num_examples": 64}
    writer = {"model": "hub", **dict.fromkeys(("prompt", "stop", "solve", "solve_stop"), "{question}")}
    study["models"] |= {"hub": {"hub": "a/b", "revision": "c"}}
    study["datasets"]["stories"] |= {
        "train": source,
        "test": {"test": dict(source)},
        "new_examples": {"write": writer},
        "perturbations": {"first": {"answer_begins": " First"}},
    }
    pooled = {"builtin": "arithmetic", "new_examples": {"pool": {"files": files, "resembles": "of"}}}
    study["datasets"] |= {"pooled": pooled}
    study["sizes"] = {"full": 1}
    study["sweep"] = [{"model": "tiny", "dataset": "stories", "lr": 1e-3, "epochs": 2, "size": "full"}]
    study["imports"] = [
        {"model": "a", "dataset": "d", "release": {"runs": "x"}},
        {"model": "b", "dataset": "d", "tables": {"train": files, "test": files}},
    ]
    study["training"]["lora"] = {}
    study["threshold"]["grid"] = {}
    study["hardware"] = {"train": {}, "sample": {}, "perplexity": {}}
    load_study(study, "whole.yaml")
    return study


def put(study, path, value):
    """The study with another value at a key of the reference, wherever there is a block that has it."""
    study = copy.deepcopy(study)
    here = study
    for part, following in pairwise(path):
        if part == "NAME":
            part = "pooled" if "pool" in path else "hub" if path[-1] in ("hub", "revision") else next(iter(here))
        elif part == "[]":
            part = next((i for i, entry in enumerate(here) if following in entry), 0)
        here = here.setdefault(part, {}) if isinstance(here, dict) else here[part]
    here[path[-1]] = value
    return study


@pytest.fixture(scope="module")
def schema():
    return jsonschema.Draft7Validator(json_schema())


@pytest.mark.parametrize("key", keys_of_study(), ids=lambda key: ".".join(key.path))
def test_an_odd_value_is_taken_or_refused_with_its_key(whole_study, schema, key):
    for kind, value in ODD.items():
        study, said = tried(put(whole_study, key.path, value))
        if study:
            schema.validate(json.loads(study.model_dump_json()))
        else:
            assert key.path[0].rstrip("s") in said or "stories" in said, kind  # the block, or what it names
            for line in said.splitlines():
                assert line.startswith("odd.yaml: "), kind
                assert len(line) < 700, kind


def tried(config):
    try:
        return load_study(config, "odd.yaml"), ""
    except UserError as error:
        return None, str(error)
