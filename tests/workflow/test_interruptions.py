"""Calls that are interrupted: the next one does all that is left, and never takes an old result for a new one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from calls import run_study, snakemake


@pytest.fixture
def study(finished, tmp_path):
    """The tiny study, finished, on a training file of one's own; a model is pre-trained for it."""
    folder = tmp_path / "study"
    subprocess.run(["cp", "-al", finished, folder], check=True)
    config = yaml.safe_load((folder / "config" / "tiny.yaml").read_text())
    data = pd.read_parquet(folder / "results" / "tiny" / "data" / "arithmetic" / "train.parquet")
    rows = data[["question", "solution", "answer", "skeleton", "steps"]]
    rows.to_json(folder / "train.jsonl", orient="records", lines=True)
    config["datasets"]["arithmetic"]["train"] = {"files": ["train.jsonl"]}
    config["datasets"]["arithmetic"]["perturbations"] = {}
    config |= {"robustness": {}, "example_reports": {}}
    config["sweep"] = [{"model": "tiny", "dataset": "arithmetic", "lr": 1e-2, "epochs": 2, "size": "half"}]
    (folder / "study.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    run_study(folder, "--configfile", "study.yaml")
    return folder


def edit_question(folder: Path) -> None:
    lines = (folder / "train.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    row["question"] = "so " + row["question"]
    (folder / "train.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")


def jobs_of_dry_run(folder: Path) -> set[str]:
    done = snakemake(folder, "-n", "--configfile", "study.yaml")
    assert done.returncode == 0, done.stderr
    return {
        line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith(("rule ", "localrule "))
    }


def test_what_an_interrupted_call_has_renewed_makes_all_after_it_stale(study):
    """Data were prepared, and nothing after them; a model that is pre-trained lies between (ancient)."""
    assert jobs_of_dry_run(study) == set()
    edit_question(study)
    expected = jobs_of_dry_run(study)
    assert {"prepare_data", "tokenize_data", "train_2_epochs", "summarize"} <= expected
    run_study(study, "results/tiny/data/arithmetic/train.parquet", "--configfile", "study.yaml")
    assert jobs_of_dry_run(study) == expected - {"prepare_data"}
    run_study(study, "results/tiny/tokens/tiny/arithmetic/train.parquet", "--configfile", "study.yaml")
    assert jobs_of_dry_run(study) == expected - {"prepare_data", "check_data", "tokenize_data"} | {"check_data"} & (
        jobs_of_dry_run(study)
    )
    run_study(study, "--configfile", "study.yaml")
    assert jobs_of_dry_run(study) == set()
    data = pd.read_parquet(study / "results" / "tiny" / "data" / "arithmetic" / "train.parquet")
    assert data["question"].str.startswith("so ").any()


def test_jobs_of_a_killed_call_are_named_until_they_have_ended(study):
    """A training goes on without its Snakemake, which was killed; a second one of the same run would destroy it."""
    config = yaml.safe_load((study / "study.yaml").read_text())
    config["sweep"][0]["epochs"] = 400
    (study / "study.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "study.yaml", "--", "train"]
    said_by_first = (study / "first.log").open("w+")
    first = subprocess.Popen(command, cwd=study, stdout=subprocess.DEVNULL, stderr=said_by_first)
    try:
        training = wait_for_training(study, first)
        first.send_signal(signal.SIGKILL)
        first.wait()
        run_study(study, "--unlock", "--configfile", "study.yaml")
        second = snakemake(study, "--configfile", "study.yaml", "--", "train")
        assert second.returncode != 0
        said = second.stdout + second.stderr
        assert "jobs of an earlier snakemake, which was killed, still run" in said
        assert str(training) in said.split("kill ", 1)[1].split(".")[0].split()
    finally:
        subprocess.run(["pkill", "-KILL", "-f", f"{study}/.*train.py"])
    wait_until_ended(training)
    config["sweep"][0]["epochs"] = 2
    (study / "study.yaml").write_text(yaml.safe_dump(config))
    run_study(study, "--configfile", "study.yaml")


def wait_for_training(folder: Path, call: subprocess.Popen) -> int:
    """Return the process of a training that has begun; fail if the call has ended without one."""
    while True:
        assert call.poll() is None, (folder / "first.log").read_text()
        found = subprocess.run(["pgrep", "-f", f"python {folder}/.*train.py"], capture_output=True, text=True).stdout
        if found and any((folder / "results" / "tiny" / "runs").glob("*/*/*/.training")):
            return int(found.split()[-1])
        time.sleep(0.2)


def wait_until_ended(process: int) -> None:
    while os.path.exists(f"/proc/{process}"):
        time.sleep(0.1)
