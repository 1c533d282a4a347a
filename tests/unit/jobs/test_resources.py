"""premem.jobs.resources: what jobs ask a cluster for."""

import math

import pytest
import yaml

from premem.config.load import load_study
from premem.config.study import Study
from premem.jobs.plan import number_of_weights
from premem.jobs.resources import (
    ANSWER_KB,
    GRADES_PER_SECOND,
    PROCESS_MB,
    START_MINUTES,
    UNKNOWN_GRADING_MB,
    UNKNOWN_MINUTES,
    grading,
    minutes,
    pretraining,
)


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config" / "tiny.yaml").read_text())


@pytest.fixture
def study(config):
    return load_study(config, "tiny.yaml")


def with_many(config, examples: int) -> Study:
    """The study with as many training examples, 32 + 8 to test on, and 2 answers to each at 2 checkpoints."""
    config["datasets"]["arithmetic"]["train"]["num_examples"] = examples
    return load_study(config, "tiny.yaml")


@pytest.mark.parametrize("style", ["gsm8k", "math"])
def test_grading_by_hand(config, style, tmp_path):
    config["datasets"]["arithmetic"]["answers"] = style
    study = with_many(config, 100_000)
    answers = 2 * 2 * (100_000 + 32 + 8)
    memory, time = grading(study, "sampling", study.runs[0], tmp_path)
    assert memory == PROCESS_MB + math.ceil(answers * ANSWER_KB / 1000)
    assert time == START_MINUTES + math.ceil(1.5 * answers / GRADES_PER_SECOND[style] / 60)


def test_grading_answers_to_perturbed_prompts_by_hand(config, tmp_path):
    study = with_many(config, 600_000)
    answers = 2 * 600_000 * (2 + 1)  # at the last checkpoint: two perturbations, and none
    memory, time = grading(study, "perturbed", study.runs[0], tmp_path, checkpoints=1)
    assert memory == PROCESS_MB + answers * ANSWER_KB / 1000
    assert time == START_MINUTES + 1.5 * answers / GRADES_PER_SECOND["gsm8k"] / 60


def test_few_answers_leave_what_does_not_grow_with_them(study, tmp_path):
    assert grading(study, "sampling", study.runs[0], tmp_path) == (PROCESS_MB + 8, START_MINUTES + 1)


def test_a_number_of_answers_that_is_not_known_yet(config, tmp_path):
    config["datasets"]["arithmetic"] = {
        "train": {"hub": "a/b", "revision": "c", "split": "train"},
        "test": {"test": {"hub": "a/b", "revision": "c", "split": "test"}},
        "columns": {"question": "question", "solution": "answer"},
        "answers": "gsm8k",
    }
    config |= {"robustness": {}, "example_reports": {}}
    study = load_study(config, "tiny.yaml")
    assert grading(study, "sampling", study.runs[0], tmp_path) == (UNKNOWN_GRADING_MB, UNKNOWN_MINUTES)
    assert minutes(study, "sampling", study.runs[0], tmp_path) == UNKNOWN_MINUTES


def test_pretraining_by_hand(config):
    recipe = config["models"]["tiny"]["pretrain"]
    recipe |= {"steps": 20_000, "batch_size": 32, "sequence_length": 256}
    recipe["architecture"] = {"hidden_size": 512, "layers": 8, "heads": 8, "intermediate_size": 1024, "context": 256}
    recipe["tokenizer"] = {"kind": "bpe", "vocab_size": 8000}
    model = load_study(config, "tiny.yaml").models["tiny"]
    weights, tokens = number_of_weights(model), 32 * 256
    memory, time = pretraining(model)
    numbers = 4 * weights + tokens * (8 * (12 * 512 + 4 * 1024) + 3 * 8000)
    assert memory == PROCESS_MB + math.ceil(4 * numbers / 1e6)
    assert time == START_MINUTES + math.ceil(1.5 * 6 * weights * tokens * 20_000 / (0.05e12 * 0.35) / 60)


def test_the_smallest_models_leave_what_does_not_grow_with_them(study):
    memory, time = pretraining(study.models["tiny"])
    assert PROCESS_MB < memory < PROCESS_MB + 30
    assert time == START_MINUTES + 1
