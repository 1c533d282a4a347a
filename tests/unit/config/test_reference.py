"""The reference of the configuration: in step with the code, and a check of study files on its own."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from premem.config.reference import json_schema, keys_of_study, page
from test_reruns import CALIBRATED, EDITS, GRADED, PLOTS, REGRESSED, SAMPLED, SCORED, SETTLED, TOKENIZED, TRAINED


@pytest.fixture(scope="module")
def schema(root):
    return jsonschema.Draft7Validator(json.loads((root / "config" / "schema.json").read_text(encoding="utf-8")))


def as_json(study):
    """The study as JSON has it: all keys are texts."""
    return json.loads(json.dumps(study))


def study_files(root):
    return [root / "config.yaml", *sorted((root / "config").glob("*.yaml"))]


def studies_of_docs(root):
    """What the documentation shows as study files."""
    for file in sorted((root / "docs").rglob("*.md")):
        for snippet in re.findall(r"```yaml\n(.*?)```", file.read_text(encoding="utf-8"), re.S):
            if re.search(r"^study:", snippet, re.M):
                yield yaml.safe_load(snippet)


def test_the_schema_and_the_page_are_in_step_with_the_code(root):
    hint = "call `make reference`"
    assert json.loads((root / "config" / "schema.json").read_text(encoding="utf-8")) == json_schema(), hint
    assert (root / "docs" / "configuration.md").read_text(encoding="utf-8") == page(), hint


def test_the_schema_is_one_and_has_every_range(schema):
    schema.check_schema(schema.schema)
    numbers = re.findall(r'\{[^{}]*"type": (?:"integer"|\["number", "string"\])[^{}]*\}', json.dumps(schema.schema))
    assert len(numbers) > 50
    assert [number for number in numbers if "imum" not in number.lower()] == []


def test_every_study_file_is_valid_by_the_schema_alone(root, schema):
    for file in study_files(root):
        schema.validate(as_json(yaml.safe_load(file.read_text(encoding="utf-8"))))
    shown = [*studies_of_docs(root)]
    assert shown
    for study in shown:
        schema.validate(as_json(study))


def test_every_study_file_names_the_schema(root):
    for file in study_files(root):
        first = file.read_text(encoding="utf-8").partition("\n")[0]
        path = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert path, file
        assert (file.parent / path[1]).resolve() == root / "config" / "schema.json"


def edited(study, path, value):
    *parents, last = path.split(".")
    here = study = copy.deepcopy(study)
    for part in parents:
        here = here[int(part) if isinstance(here, list) else part]
    here[int(last) if isinstance(here, list) else last] = value
    return study


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sweep.0.lr", "3e-4"),
        ("sweep.0.lr", 0.0003),
        ("sweep.0.lr", [3e-4, "1e-3"]),
        ("sweep.0.seed", 7),
        ("curation", None),
        ("datasets.other", {"builtin": "gsm8k"}),
        ("datasets.other", {"builtin": "gsm8k", "train": {"num_examples": 9}, "test": {"test": {}}}),
        ("predictors.names", ["atc", "distance"]),
        ("checkpoints.keep", [3, 6]),
        ("models.other", {"hub": "a/b", "revision": "c", "parameters": "8.03e9"}),
    ],
)
def test_what_a_study_may_write_in_several_ways_is_valid(root, schema, path, value):
    study = yaml.safe_load((root / "config.yaml").read_text())
    schema.validate(as_json(edited(study, path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sampeling", {}),
        ("study", "a/b"),
        ("sampling.temprature", 1),
        ("sampling.n", 0),
        ("sampling.n", True),
        ("sampling.n", "many"),
        ("sampling.temperature", "hot"),
        ("sampling.top_p", 1.5),
        ("sweep.0.lr", -1),
        ("sweep.0.lr", []),
        ("sweep.0.epochs", 1.5),
        ("sweep.0.model", "a b"),
        ("sizes.half", 2),
        ("sizes.a_b", 0.5),
        ("models.tiny.path", "x"),
        ("models.a_b", {"hub": "a/b", "revision": "c"}),
        ("models.tiny.pretrain.corpus.steps", {"1000": 1, "one": 1}),
        ("datasets.arithmetic.builtin", "gsm8"),
        ("datasets.arithmetic.train", {"examples": 3}),
        ("datasets.other", {"answers": "gsm8k"}),
        ("datasets.other", {"train": {}, "test": {"test": {}}, "answers": "gsm8k"}),
        ("analyses", ["models"]),
        ("predictors.names", "some"),
        ("checkpoints.keep", "first"),
        ("hardware", {"python": {"other": "x"}}),
        ("results", "a{b}"),
    ],
)
def test_what_is_not_a_study_is_not_valid(root, schema, path, value):
    study = yaml.safe_load((root / "config.yaml").read_text())
    assert not schema.is_valid(as_json(edited(study, path, value)))


RERUNS = {
    "nothing": set(),
    "training and what follows": SETTLED,
    "the training of its runs and what follows": TRAINED,
    "the check before training, samples and what follows": SAMPLED,
    "pre-training and what follows": {"settle_pretraining", "pretrain_model"} | TOKENIZED,
    "tokens, training and what follows": TOKENIZED,
    "the dataset, and training and what follows": {"prepare_data", "check_data"} | TOKENIZED,
    "samples and what follows": SAMPLED,
    "samples, perplexities and what follows": {"measure_perplexity"} | SAMPLED,
    "that test set, and samples and what follows": {"prepare_data", "check_data", "tokenize_data", "check_fit"}
    | SAMPLED,
    "grades and what follows": GRADED,
    "scores and what follows": SCORED,
    "the calibration and what follows": CALIBRATED,
    "the regression and what follows": REGRESSED,
    "the figures, and the page that shows them": PLOTS | {"summarize"},
    "the analyses that are new": {"scrutinize", "plot_scrutiny"},
}
"""The rules that the words of the reference stand for."""
OF_ANALYSES = {
    "the measurements on checkpoints that it concerns, and the comparison of predictors",
    "the analyses that read it",
}
"""What makes nothing of the study itself stale."""


def edited_keys(edit):
    """The keys of the study that an edit changes: the way to each from the top."""

    def differing(before, after, path):
        if len(path) == 1 and before is None:  # a block of the study that it had left out
            before = {}
        if isinstance(before, dict) and isinstance(after, dict):
            for key in before.keys() | after.keys():
                yield from differing(before.get(key), after.get(key), (*path, key))
        elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            for old, new in zip(before, after, strict=True):
                yield from differing(old, new, (*path, "[]"))
        elif before != after:
            yield path

    study = yaml.safe_load((Path(__file__).parents[3] / "config" / "tiny.yaml").read_text())
    study["models"]["own"] = {"path": "own"}
    study["datasets"]["mine"] = {"train": {"files": ["a"]}, "test": {"test": {"files": ["b"]}}, "answers": "gsm8k"}
    before = copy.deepcopy(study)
    try:
        edit.make(study, None)
    except (TypeError, AttributeError):  # it edits files
        return []
    return [*differing(before, study, ())]


def test_what_an_edit_reruns_is_what_a_finished_study_reruns():
    told = {key.path: key.reruns for key in keys_of_study()}
    checked = set()
    for edit in EDITS:
        changed = edited_keys(edit)
        if len(changed) != 1 or changed[0][0] == "sweep":  # how an edit of the sweep is told depends on the edit
            continue
        key = max((key for key in told if is_way(key, changed[0])), key=len)
        words = told[key].partition(", for the runs")[0]
        if words not in OF_ANALYSES:
            checked.add(words)
            assert edit.rules - {"check_fit"} == RERUNS[words] - {"check_fit"}, edit.named
    assert len(checked) == len(RERUNS)


def is_way(key, path):
    """Does the way to this key of the reference lead to, or towards, a key of a study?"""
    return len(key) <= len(path) and all(part in (taken, "NAME") for part, taken in zip(key, path, strict=False))
