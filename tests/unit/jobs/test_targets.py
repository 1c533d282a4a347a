"""premem.jobs.targets: what is wrong with a target that a study does not have."""

from pathlib import Path

import pytest
import yaml

from premem.config.load import load_study
from premem.jobs.targets import did_you_mean, missing_run

RUNS = Path("results/tiny/runs/tiny/arithmetic")


@pytest.fixture
def study(root):
    return load_study(yaml.safe_load((root / "config" / "tiny.yaml").read_text()), "tiny.yaml")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("lr2e-2_ep4_full_seed0/grades.parquet", "no run tiny/arithmetic/lr2e-2_ep4_full_seed0; did you mean tiny/ari"),
        ("lr0.01_ep4_full_seed0/grades.parquet", "no run tiny/arithmetic/lr0.01_ep4_full_seed0"),
        ("lr1e-2_ep3_full_seed0/grades.parquet", "no run tiny/arithmetic/lr1e-2_ep3_full_seed0"),
        ("lr1e-2_ep4_half_seed0/grades.parquet", "no run tiny/arithmetic/lr1e-2_ep4_half_seed0"),
        ("lr1e-2_ep4_full_seed7/checkpoints/epoch-2", "no run tiny/arithmetic/lr1e-2_ep4_full_seed7"),
        ("lr1e-2_ep4_full_seed0/epoch-3/samples.parquet", "no checkpoint after epoch 3; there are 2, 4"),
        ("lr1e-2_ep4_full_seed0/checkpoints/epoch-40", "no checkpoint after epoch 40; there are 2, 4"),
    ],
)
def test_a_run_or_checkpoint_that_the_study_lacks_is_named(study, target, said):
    assert said in missing_run(study, Path("results/tiny"), RUNS / target)


@pytest.mark.parametrize(
    "target",
    [
        RUNS / "lr1e-2_ep4_full_seed0" / "grades.parquet",
        RUNS / "lr1e-2_ep4_full_seed0" / "checkpoints" / "epoch-4",
        Path("results/tiny/pairs/tiny/arithmetic/points.csv"),
        Path("elsewhere/runs/tiny/arithmetic/lr2e-2_ep4_full_seed0/grades.parquet"),
    ],
)
def test_other_targets_are_left_to_snakemake(study, target):
    assert missing_run(study, Path("results/tiny"), target) is None


def test_only_a_similar_name_is_offered():
    assert did_you_mean("sample", ["samples", "scores"]) == "did you mean samples? "
    assert did_you_mean("xyz", ["samples", "scores"]) == ""
