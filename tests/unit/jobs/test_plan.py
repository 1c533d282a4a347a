"""premem.jobs.plan: what a study will take, from what is known before it runs."""

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from premem.config.load import load_study
from premem.config.models import Model
from premem.jobs.plan import Job, checkpoint_gb, number_of_weights, plan, read_dry_run

DRY_RUN = """
[Tue Nov 24 03:01:26 2026]
localrule summarize:
    input: a
    reason: Missing output files: s.md
rule train_2_epochs:
    input: base, tokens
    output: c
    reason: Params have changed since last execution: before: 'a' now: 'b'
    wildcards: model=tiny, dataset=arithmetic, lr=1e-2, size=half, seed=0
    resources: tmpdir=/tmp, gpu=0
Job stats:
job      count
"""


@pytest.fixture
def study(root):
    config = yaml.safe_load((root / "config" / "tiny.yaml").read_text())
    config["hardware"] = {"gpu": True, "tflops": 100}
    config["checkpoints"]["keep"] = "none"
    return load_study(config, "tiny.yaml")


def test_the_jobs_of_a_dry_run():
    wildcards = {"model": "tiny", "dataset": "arithmetic", "lr": "1e-2", "size": "half", "seed": "0"}
    assert read_dry_run(DRY_RUN) == [
        Job("summarize", {}, "Missing output files: s.md"),
        Job("train_2_epochs", wildcards, "Params have changed since last execution: before: 'a' now: 'b'"),
    ]


def test_weights_are_said_counted_or_unknown(tmp_path):
    assert number_of_weights(Model(hub="a/b", revision="c", parameters=8e9)) == 8e9
    assert number_of_weights(Model(hub="a/b", revision="c"), tmp_path) is None
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(5)}, tmp_path / "one.safetensors", metadata={"format": "pt"})
    save_file({"c": torch.zeros(2, 2, dtype=torch.bfloat16)}, tmp_path / "two.safetensors")
    assert number_of_weights(Model(path=str(tmp_path))) == 21
    assert number_of_weights(Model(hub="a/b", revision="c"), tmp_path) == 21
    assert checkpoint_gb(8e9) == 32


def test_a_plan_by_hand(study, tmp_path):
    """48 training examples (24 in a half), 32 test examples; two runs of 4 epochs, one of 2, a checkpoint every 2."""
    text = plan(study, read_dry_run(DRY_RUN), tmp_path)
    said = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "3, of which 1 train now" in said["runs"]
    assert said["checkpoints"].split()[1].rstrip(",") == "5"
    assert "2: 1 summarize, 1 train_2_epochs" in said["jobs to run"]
    assert f"{256 * (2 * 4 * 48 + 2 * 24):,} tokens (lengths assumed)" in said["training"]
    answers = 2 * (4 * 88 + 64)
    assert f"{answers} answers, at most {answers * 40:,} tokens" in said["sampling"]
    assert "0.0 GB of checkpoints stay" in said["disk"]
    assert "disk_gb=1" in text
    assert "trained again" not in text


def test_gpu_hours_by_hand(study, tmp_path):
    """6 operations for each weight and token trained on, 2 for each sampled or measured, at a share of the peak."""
    big = study.models["tiny"].model_copy(update={"parameters": 1e12})
    study = study.model_copy(update={"models": {"tiny": big}})
    text = plan(study, [], tmp_path)
    trained, measured, sampled = 256 * 432, 256 * (4 * 48 + 24), 832 * 40
    predictors = 3 * 5 * 2 * 8 * 256 + 832 // 2 * (256 + 40)  # gradients, and the confidence of an answer to each
    perturbed = 3 * (48 + 48 + 24) * 2 * 40  # two perturbations and none, at the last checkpoints
    hours = [
        operations * 1e12 * tokens / (100e12 * share) / 3600
        for operations, tokens, share in (
            (6, trained, 0.35),
            (2, sampled, 0.15),
            (2, measured, 0.4),
            (2, predictors, 0.4),
            (2, perturbed, 0.15),
        )
    ]
    assert f"about {np.sum(hours):,.0f} if answers" in text
    assert (
        "training {:,.1f}, sampling {:,.1f}, perplexity {:,.1f}, weights {:,.1f}, perturbed {:,.1f}".format(*hours)
        in text
    )
    assert "up to 8,000.0 GB more" in text


def test_a_run_that_was_trained_before_is_named(study, tmp_path):
    training = tmp_path / "runs" / str(study.runs[2]) / "training.parquet"
    training.parent.mkdir(parents=True)
    training.touch()
    text = plan(study, read_dry_run(DRY_RUN), tmp_path)
    assert f"trained again  {study.runs[2]}: what it depends on has changed" in text
    gone = DRY_RUN.replace("Params have changed since last execution: before: 'a' now: 'b'", "Missing output files: c")
    text = plan(study, read_dry_run(gone), tmp_path)
    assert "its checkpoints were deleted after they had been evaluated, and are needed again" in text


def test_what_is_unknown_is_said(study, tmp_path):
    hub = {"hub": "a/b", "revision": "c"}
    study = study.model_copy(update={"models": {"tiny": Model(**hub)}})
    text = plan(study, [], tmp_path)
    assert text.count("unknown: give the models' number of weights as models.….parameters") == 2
