"""A study file: what is asked for, and what is said of a bad one."""

import copy

import pytest
import yaml

from premem.base.errors import UserError
from premem.config.block import Block
from premem.config.load import load_study
from premem.config.sweep import Sweep, spell_learning_rate


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def edited(config, path, value):
    """A copy of the configuration with one value set, e.g. at ``sweep.0.lr``."""
    config = copy.deepcopy(config)
    *parents, last = path.split(".")
    here = config
    for part in parents:
        here = here[int(part) if isinstance(here, list) else part]
    here[int(last) if isinstance(here, list) else last] = value
    return config


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        (5e-5, "5e-5"),
        ("5E-5", "5e-5"),
        ("5e-05", "5e-5"),
        ("0.00005", "5e-5"),
        (0.000125, "1.25e-4"),
        ("1e-2", "1e-2"),
        (0.01, "1e-2"),
        ("0.0100", "1e-2"),
        (1, "1e0"),
        ("20e-6", "2e-5"),
    ],
)
def test_one_spelling_of_a_learning_rate(written, spelled):
    assert spell_learning_rate(written) == spelled
    sweep = Sweep(model="m", dataset="d", lr=written, epochs=1, size="full")
    assert sweep.lr == (spelled,)


def test_the_embedded_study(config):
    study = load_study(config, "config.yaml")
    assert len(study.runs) == 13
    assert len(set(study.runs)) == 13
    assert sum(len(study.checkpoint_epochs(run.epochs)) for run in study.runs) == 54
    assert study.pairs == [("tiny", "arithmetic")]
    assert str(study.runs[0]) == "tiny/arithmetic/lr1e-2_ep18_full_seed0"


@pytest.mark.parametrize(
    ("every", "at_most", "epochs", "expected"),
    [
        (1, 6, 6, [1, 2, 3, 4, 5, 6]),
        (1, 6, 12, [2, 4, 6, 8, 10, 12]),
        (5, 6, 30, [5, 10, 15, 20, 25, 30]),
        (5, 6, 60, [10, 20, 30, 40, 50, 60]),
        (5, 6, 12, [5, 10, 12]),
        (5, 6, 3, [3]),
    ],
)
def test_checkpoints_are_spaced_and_end_with_the_last_epoch(config, every, at_most, epochs, expected):
    study = load_study(edited(config, "checkpoints", {"every": every, "at_most": at_most}), "config.yaml")
    assert study.checkpoint_epochs(epochs) == expected


def test_every_study_file_is_valid(root):
    files = sorted((root / "config").glob("*.yaml"))
    assert files
    for file in files:
        load_study(yaml.safe_load(file.read_text()), file.name)


@pytest.mark.parametrize(
    ("path", "value", "messages"),
    [
        ("sampeling", {}, ["config.yaml: sampeling: unknown key 'sampeling'; did you mean 'sampling'?"]),
        ("sampling.temprature", 1, ["sampling.temprature: unknown key", "did you mean 'temperature'?"]),
        ("models.tiny.pretrain.tokenizer.knd", "x", ["models.tiny.pretrain.tokenizer.knd", "did you mean 'kind'?"]),
        ("sweep.0.model", "tinny", ["sweep[0].model: unknown model 'tinny'; did you mean 'tiny'?"]),
        ("sweep.0.dataset", "x", ["sweep[0].dataset: unknown dataset 'x'; there are arithmetic"]),
        ("sweep.2.size", "hlaf", ["sweep[2].size: unknown size 'hlaf'; did you mean 'half'?"]),
        ("sweep.0.lr", [1e-3, 0], ["sweep[0].lr[1]: a learning rate is above 0, not 0"]),
        ("sweep.0.lr", -1e-3, ["sweep[0].lr[0]: a learning rate is above 0"]),
        ("sweep.0.lr", "fast", ["sweep[0].lr[0]: 'fast' is not a number"]),
        ("sweep.0.epochs", 0, ["sweep[0].epochs[0]", "greater than 0"]),
        ("sweep.0.lr", [], ["sweep[0].lr", "at least 1 item"]),
        ("sweep.1.epochs", [9, 18], ["sweep[1]: run tiny/arithmetic/lr1e-2_ep18_full_seed0 is already in sweep[0]"]),
        ("sizes.half", 1.5, ["sizes.half", "less than or equal to 1"]),
        ("models.tiny.path", "x", ["models.tiny: give one of path, hub and pretrain (given: path, pretrain)"]),
        ("models.big", {"hub": "a/b"}, ["models.big: a hub model needs revision"]),
        ("models.big", {"hub": "$(touch x)", "revision": "c"}, ["models.big.hub: an id of the hub looks like"]),
        ("models.big", {"hub": "--help", "revision": "c"}, ["models.big.hub: an id of the hub looks like"]),
        ("models.big", {"hub": "a/b", "revision": "$(touch x)"}, ["models.big.revision: give a commit"]),
        ("results", "my {results}", ["results: a path cannot be empty or hold braces"]),
        ("results", "~nobody-here/x", ["results: there is no home directory ~nobody-here; write the whole path"]),
        ("datasets.arithmetic.builtin", ["gsm8k"], ["datasets.arithmetic.builtin: unknown built-in dataset"]),
        ("sampling.temperature", float("inf"), ["sampling.temperature: give a finite number (given: inf)"]),
        ("sampling.temperature", 1e-9, ["sampling: temperature: 1e-09 is too small to compute with; give 0, or 0.001"]),
        ("sampling.seed", 2**70, ["sampling.seed: give a number less than 4294967296"]),
        ("statistics", {"seed": -1}, ["statistics.seed: give a number greater than or equal to 0 (given: -1)"]),
        ("threshold", {"value": float("inf")}, ["threshold.value: give a finite number"]),
        ("training.max_grad_norm", float("nan"), ["training.max_grad_norm: give a finite number"]),
        ("training.batch_size", 10**9, ["training.batch_size: give a number less than or equal to 1048576"]),
        ("figures", {"dpi": 1200, "width": 40}, ["figures: dpi 1200 and width 40 make figures 48000 pixels wide"]),
        ("sweep.0.epochs", True, ["sweep[0].epochs[0]: true is not a number"]),
        ("sweep.0.lr", "1e-999", ["sweep[0].lr[0]: a learning rate of '1e-999' cannot be computed with"]),
        ("sweep.0.seed", [*range(4000)], ["sweep[0]: this makes 16000 runs, but at most 10000 are possible"]),
        (
            "models.tiny.pretrain.corpus.steps",
            {1000: 1},
            ["corpus.steps[1000]: give a number less than or equal to 20"],
        ),
        ("checkpoints.keep", [99], ["checkpoints.keep: no run has a checkpoint after epoch 99; there are 3, 6"]),
        ("checkpoints.keep", [0], ["checkpoints.keep[0]: give a number greater than 0"]),
        ("checkpoints.keep", "first", ["checkpoints.keep: give 'none', 'last' or 'all' (given: 'first')"]),
        (
            "imports",
            [{"model": "a", "dataset": "d", "release": {"runs": "x", "subfolder": "/etc"}}],
            ["imports[0].release.subfolder: give a folder within the repository"],
        ),
        (
            "imports",
            [{"model": "a", "dataset": "d", "release": {"runs": "x", "subfolder": "a/../../b"}}],
            ["imports[0].release.subfolder: give a folder within the repository"],
        ),
        (
            "imports",
            [{"model": "a", "dataset": "d", "release": {"runs": "x", "repository": "--upload-pack=x"}}],
            ["imports[0].release.repository: give the address of a repository"],
        ),
        ("models.mine", {"path": "no/such"}, ["models.mine.path: no/such is not a model folder"]),
        (
            "models.a_b",
            {"hub": "a/b", "revision": "c"},
            ["models.a_b: a name has letters, digits, dots and hyphens alone"],
        ),
        ("datasets.arithmetic.builtin", "gsm8", ["unknown built-in dataset 'gsm8'; did you mean 'gsm8k'?"]),
        ("datasets.arithmetic.prompt", "solve it", ["datasets.arithmetic: prompt: the template", "{question}"]),
        ("datasets.arithmetic.stop", "END", ["must end with the stop text 'END'"]),
        (
            "datasets.mine",
            {"builtin": "arithmetic", "train": {"files": ["no/such.jsonl"]}},
            ["there is no file no/such.jsonl"],
        ),
        ("datasets.arithmetic.test", {"train": {"num_examples": 3}}, ["datasets.arithmetic.test.train"]),
        (
            "datasets.arithmetic",
            {"builtin": "arithmetic", "test": {}, "holdout": 0},
            ["datasets.arithmetic: no test set has labels and nothing is held out", "holdout: 128"],
        ),
        ("datasets.arithmetic.holdout", 1.5, ["datasets.arithmetic.holdout", "a share below 1 such as 0.1"]),
        ("datasets.arithmetic.holdout", -1, ["datasets.arithmetic.holdout"]),
        (
            "datasets.arithmetic.test",
            {"holdout": {"generate": "arithmetic", "steps": {1: 1}, "num_examples": 9}},
            ["cannot be called holdout"],
        ),
        ("datasets.arithmetic.train", {"labelled": False}, ["train.labelled: the answers of the training set"]),
        ("datasets.arithmetic.shared_questions", "drop", ["datasets.arithmetic.shared_questions"]),
        ("threshold", {"source": "value"}, ["threshold: source is value; give value as well"]),
        ("threshold", {"source": "test", "value": 1.2}, ["threshold: source is test, so value would not be read"]),
        ("threshold", {"value": 1.2, "study": "results/x"}, ["threshold: value and study are both given"]),
        ("threshold", {"study": "no/such"}, ["threshold.study: no/such has no threshold.json"]),
        ("threshold", {"source": "guess"}, ["threshold.source"]),
        ("threshold", {"grid": {"start": 3, "stop": 2}}, ["threshold.grid: start 3.0 is not below stop 2.0"]),
        ("models.tiny.pretrain.architecture.heads", 3, ["hidden_size 64 is not a multiple of heads 3"]),
        ("hardware", {"train": {"processes": 3}}, ["training.batch_size 16 cannot be shared", "processes to 2 or 4"]),
        ("robustness.perturbations", ["frist"], ["robustness.perturbations: unknown perturbation 'frist'", "'first'?"]),
        (
            "robustness.checkpoints",
            [4],
            ["robustness.checkpoints: no run has a checkpoint after epoch 4; there are 3, 6"],
        ),
        ("robustness.checkpoints", "first", ["robustness.checkpoints"]),
        ("robustness.bins", 1, ["robustness.bins", "greater than or equal to 2"]),
        (
            "datasets.arithmetic.perturbations",
            {"mine": {"prompt": "{qestion} Answer :"}},
            [
                "datasets.arithmetic: perturbations.mine.prompt: a prompt cannot name the column {qestion}",
                "question, skeleton, steps",
            ],
        ),
        (
            "datasets.arithmetic.perturbations",
            {"mine": {"prompt": "{solution} Answer :"}},
            ["perturbations.mine.prompt: a prompt cannot name the column {solution}"],
        ),
        (
            "datasets.arithmetic.perturbations",
            {"mine": {"prompt": "Answer :"}},
            ["names no column, such as {question}"],
        ),
        ("datasets.arithmetic.perturbations", {"mine": {}}, ["perturbations.mine: give prompt (a template)"]),
        ("datasets.arithmetic.perturbations", {"unperturbed": {"answer_begins": "a"}}, ["rename it"]),
        ("datasets.arithmetic.perturbations", {"mine": {"begin": "a"}}, ["perturbations.mine.begin: unknown key"]),
        (
            "datasets.arithmetic.perturbations",
            {},
            ["robustness.perturbations: unknown perturbation 'first'; no dataset"],
        ),
        ("examples", {"shown": 3}, ["config.yaml: examples: this key is now called example_reports"]),
        ("collection", {"examples": 9}, ["collection.examples: this key is now called num_examples"]),
        (
            "datasets.arithmetic.train",
            {"examples": 64},
            ["datasets.arithmetic.train.examples: this key is now called num_examples"],
        ),
        (
            "datasets.arithmetic.new_examples",
            {"pool": {"files": [__file__], "resembles": "of", "examples": 9}},
            ["datasets.arithmetic.new_examples.pool.examples: this key is now called num_examples"],
        ),
        ("analyses", ["scrutiny", "examples"], ["analyses[1]: examples is now called example_reports"]),
        ("analyses", ["models"], ["analyses[0]: models is now called model_comparison"]),
        ("sweep", None, ["config.yaml: sweep"]),
        ("datasets.arithmetic.train", None, ["datasets.arithmetic.train"]),
        ("datasets.arithmetic.test", ["a"], ["datasets.arithmetic.test"]),
        ("datasets.arithmetic.test", {"harder": None}, ["datasets.arithmetic.test.harder"]),
    ],
)
def test_a_bad_value_is_named_with_its_file_key_and_mend(config, path, value, messages):
    with pytest.raises(UserError) as error:
        load_study(edited(config, path, value), "config.yaml")
    for message in messages:
        assert message in str(error.value)


def test_all_problems_are_named_at_once(config):
    bad = edited(edited(config, "sampling.n", 0), "grading.grader", "kind")
    with pytest.raises(UserError) as error:
        load_study(bad, "my.yaml")
    assert len(str(error.value).splitlines()) == 2
    assert all(line.startswith("my.yaml: ") for line in str(error.value).splitlines())


def test_every_key_is_described_where_it_is_defined():
    blocks = [Block, *Block.__subclasses__()]
    assert len(blocks) > 15
    missing = [
        f"{block.__name__}.{name}"
        for block in blocks
        for name, field in block.model_fields.items()
        if not field.description
    ]
    assert missing == []


def test_a_builtin_dataset_changes_key_by_key(config):
    datasets = {"gsm8k": {"builtin": "gsm8k", "train": {"num_examples": 300}}}
    study = load_study(
        {**edited(config, "sweep.0.dataset", "arithmetic"), "datasets": config["datasets"] | datasets}, "x"
    )
    train = study.datasets["gsm8k"].train
    assert (train.hub, train.split, train.num_examples) == ("openai/gsm8k", "train", 300)
    assert study.datasets["gsm8k"].prompt == "{question}\nAnswer:"


def test_local_data_takes_the_place_of_the_hub(config, tmp_path):
    folder = tmp_path / "gsm8k"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").touch()
    datasets = config["datasets"] | {"gsm8k": {"builtin": "gsm8k"}}
    study = load_study({**config, "datasets": datasets, "local_data": str(tmp_path)}, "x")
    assert study.datasets["gsm8k"].train.files == (str(folder / "train.jsonl"),)
    assert study.datasets["gsm8k"].train.hub is None
    assert study.datasets["gsm8k"].test["test"].files == (str(folder / "test.jsonl"),)


@pytest.mark.parametrize(("keep", "kept"), [("none", []), ("last", [9]), ("all", [3, 6, 9]), ([3, 9, 12], [3, 9])])
def test_checkpoints_that_stay(config, keep, kept):
    study = load_study(edited(config, "checkpoints.keep", keep), "x")
    assert [epoch for epoch in (3, 6, 9) if study.checkpoints.keeps(epoch, 9)] == kept


def test_which_prompts_are_perturbed_and_when(config):
    study = load_study(config, "config.yaml")
    assert list(study.perturbations_of("arithmetic")) == ["first", "paraphrase", "extra-sentence"]
    assert study.perturbed_pairs == [("tiny", "arithmetic")]
    assert study.perturbed_epochs(18) == [18]
    assert study.predicts_brittleness
    every = load_study(edited(config, "robustness", {"checkpoints": "all"}), "config.yaml")
    assert list(every.perturbations_of("arithmetic")) == ["first", "we-have", "paraphrase", "extra-sentence"]
    assert every.perturbed_epochs(18) == [3, 6, 9, 12, 15, 18]
    listed = load_study(edited(config, "robustness", {"checkpoints": [6, 18]}), "config.yaml")
    assert [listed.perturbed_epochs(epochs) for epochs in (18, 9, 3)] == [[6, 18], [6], []]
    plain = edited(edited(config, "robustness", {}), "example_reports", {})
    assert not load_study(plain, "config.yaml").predicts_brittleness
    assert load_study({**plain, "analyses": ["robustness"]}, "config.yaml").predicts_brittleness
    none = {**edited(plain, "datasets.arithmetic.perturbations", {}), "analyses": ["robustness"]}
    with pytest.raises(UserError, match="analyses: robustness perturbs prompts, but no dataset with runs offers"):
        load_study(none, "config.yaml")


def test_a_column_of_the_dataset_and_a_paraphrase_of_generated_stories_can_be_named(config):
    mine = {"mine": {"prompt": "{skeleton} {paraphrase} Answer :"}}
    study = load_study(
        edited(edited(config, "robustness", {}), "datasets.arithmetic.perturbations", mine), "config.yaml"
    )
    assert study.perturbations_of("arithmetic")["mine"].columns == ["skeleton", "paraphrase"]
    of_ones_own = edited(edited(config, "robustness", {}), "datasets.arithmetic.train", {"files": [__file__]})
    study = load_study(of_ones_own, "config.yaml")
    assert list(study.perturbations_of("arithmetic")) == ["first", "we-have", "extra-sentence"]
    told = edited(edited(config, "robustness", {}), "datasets.gsm8k", {"builtin": "gsm8k", "perturbations": mine})
    with pytest.raises(UserError, match=r"a prompt cannot name the column \{skeleton\} \(it can name question\)"):
        load_study(told, "config.yaml")


@pytest.mark.parametrize(
    ("key", "template", "refused"),
    [
        ("prompt", "{question} {options}\nAnswer:", "{options}"),
        ("prompt", "{question}{hint}", "{hint}"),
        ("prompt", "Write \\boxed{answer}. {question}", None),
        ("prompt", "A set is {1, 2}. {question}", None),
        ("target", " {solution} {answer} Done", "{answer}"),
    ],
)
def test_a_placeholder_that_would_stay_in_the_text_is_refused(config, key, template, refused):
    study = edited(config, f"datasets.arithmetic.{key}", template)
    if refused is None:
        assert getattr(load_study(study, "x").datasets["arithmetic"], key) == template
        return
    with pytest.raises(UserError) as error:
        load_study(study, "x")
    assert f"datasets.arithmetic: {key}: {refused} would stay in the text" in str(error.value)


@pytest.mark.parametrize(
    ("dataset", "threshold", "holds_out", "source"),
    [
        ({}, {}, False, "test"),
        ({"holdout": 64}, {}, True, "unseen"),
        ({"holdout": 64}, {"source": "test"}, True, "test"),
        ({"test": {}}, {}, True, "unseen"),
        (
            {"test": {"asked": {"labelled": False, "generate": "arithmetic", "steps": {1: 1}, "num_examples": 9}}},
            {},
            True,
            "unseen",
        ),
        ({"test": {}, "holdout": 0}, {"value": 1.5}, False, "value"),
    ],
)
def test_where_p_comes_from_and_what_is_held_out(config, dataset, threshold, holds_out, source):
    made = edited(config, "datasets.arithmetic", {"builtin": "arithmetic", **dataset})
    study = load_study(edited(made, "threshold", threshold), "config.yaml")
    assert study.datasets["arithmetic"].holds_out == holds_out
    assert study.threshold_source("tiny", "arithmetic") == source
    assert (study.predicted_test_set("tiny", "arithmetic") is None) == ("test" in dataset)
    run = study.runs[0]
    assert (study.subset_of(run).number_trained_on(512) < 512) == holds_out
