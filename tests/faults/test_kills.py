"""Calls that are killed somewhere after an edit: one further call ends in the tables of a call that was not killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from calls import run_study, snakemake
from edits import CALL, REGRESSION, RESCORED, differences, edited

EDITS = {
    "scores": RESCORED,
    "training": {"training": {"batch_size": 8, "warmup_steps": 5}},
    "sampling": {"sampling": {"n": 3, "max_new_tokens": 40}},
    "size": {"sizes": {"full": 1, "half": 0.75}},
    "states": {"training": {"batch_size": 8, "warmup_steps": 6}, "hardware": {"train": {"save_state_every": 3}}},
    "keeps none": {"checkpoints": {"every": 2, "keep": "none"}, "training": {"batch_size": 8, "warmup_steps": 7}},
    "LoRA": {"training": {"batch_size": 8, "warmup_steps": 4, "lora": {"rank": 2}}},
}
"""What takes the place of blocks of config/tiny.yaml."""


def kill_somewhere(study: Path, sent: signal.Signals, chance: random.Random, *call: str) -> bool:
    """Call Snakemake, and send a signal at some time after some job has begun; return whether it still ran."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *call]
    jobs = run_study(study, "--dry-run", *call).count("jobid: ")
    begun, last = 0, chance.randrange(1, max(2, jobs))
    with subprocess.Popen(
        command, cwd=study, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        for line in running.stderr:
            begun += line.startswith(("rule ", "localrule "))
            if begun == last:
                break
        time.sleep(chance.random() * 3)
        if killed := running.poll() is None:
            # A machine that stops takes the jobs with it; otherwise they go on for a while.
            whole_group = sent == signal.SIGKILL and chance.random() < 0.5
            (os.killpg if whole_group else os.kill)(running.pid, sent)
        running.stderr.read()
    return killed


def finish(study: Path, *call: str) -> None:
    """Call Snakemake once, after jobs have ended that an earlier call, which was killed, has left."""
    if any((study / ".snakemake" / "locks").glob("*")):
        run_study(study, "--unlock", *call)
    while (done := snakemake(study, *call)).returncode and "which was killed, still run" in done.stdout + done.stderr:
        time.sleep(1)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_a_comparison_sees_one_value(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    assert differences(finished, copy) == []
    file = next((copy / "results").rglob("grades.parquet"))
    table = pd.read_parquet(file).iloc[::-1]
    file.unlink()
    table.to_parquet(file)
    assert differences(finished, copy) == [str(file.relative_to(copy))]


def kill_and_call_again(clean: Path, study: Path, sent: signal.Signals, seed: str, *call: str) -> None:
    killed = kill_somewhere(study, sent, random.Random(seed), *call)
    print(f"{seed}: {'killed' if killed else 'had ended before'}")
    finish(study, *call)
    assert differences(clean, study) == []
    assert "Nothing to be done" in run_study(study, "--dry-run", *call)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_one_call_after_a_kill_ends_as_if_nothing_had_happened(finished, rescored, tmp_path, sent):
    kill_and_call_again(rescored, edited(finished, tmp_path / "killed", RESCORED), sent, sent.name, *REGRESSION)


@pytest.mark.slow
@pytest.mark.faults_long
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
@pytest.mark.parametrize("edit", EDITS)
def test_a_kill_after_any_edit(finished, tmp_path, edit, sent, seed):
    clean = edited(finished, tmp_path / "clean", EDITS[edit])
    run_study(clean, *CALL)
    assert differences(finished, clean), "the edit changes nothing"
    study = edited(finished, tmp_path / "killed", EDITS[edit])
    kill_and_call_again(clean, study, sent, f"{edit} {sent.name} {seed}", *CALL)


@pytest.mark.slow
@pytest.mark.faults_long
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_a_kill_in_a_curation(checkout, tmp_path, sent):
    call = ("--configfile", "config/tiny-curation.yaml")
    clean, study = (shutil.copytree(checkout, tmp_path / name) for name in ("clean", "killed"))
    run_study(clean, *call)
    kill_and_call_again(clean, study, sent, f"curation {sent.name}", *call)
