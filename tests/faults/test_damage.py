"""Damaged results: the job that reads one says which file is damaged and what to do, or is not misled by it.

Damage is drawn with a seed. By default every kind of file takes a few kinds; ``-m faults_long`` tries all of them.
"""

import random
from pathlib import Path

import pandas as pd
import pytest

from damage import copy_linked, forget_note, kinds_for
from study_jobs import Job, Scripts, jobs_of

RESULTS = "results/tiny"
TARGETS = "all", "scrutiny", "predictors", "robustness", "example_reports", "model_comparison"
CALL = "--configfile", "config/tiny.yaml", "--"


@pytest.fixture(scope="module")
def scripts():
    with Scripts() as running:
        yield running


def readers(study: Path, jobs: list[Job]) -> dict[tuple[str, str], tuple[Job, Path]]:
    """Return a job and a file for every rule and kind of file that it reads, as far as all its files are there."""
    found = {}
    for job in jobs:
        if all((study / file).exists() for file in (*job.inputs, *job.outputs)):
            for file in map(Path, job.inputs):
                files = sorted(child for child in (study / file).rglob("*") if child.is_file()) or [study / file]
                for each in (child.relative_to(study) for child in files):
                    found.setdefault((job.rule, f"{each.parts[2]}/{each.name}"), (job, each))
    return found


def try_damage(scripts: Scripts, study: Path, folder: Path, job: Job, file: Path, kind, noted: bool, seed: str) -> str:
    """Damage a file and run a job that reads it.

    Returns:
        "said" where a message names the file, "right" where the results are those of the undamaged file, else what is
        wrong.
    """
    copy = copy_linked(study / "results", folder / "results").parent
    kind(copy / file, random.Random(seed))
    if not noted:
        forget_note(copy / file)
    status, said = scripts.run(job.words, copy)
    messages = [line for line in said.splitlines() if line.startswith("error: ")]
    if status == 0:
        return "right" if all(same(study / name, copy / name) for name in job.outputs) else f"used in silence: {said}"
    if status != 1 or len(messages) != 1 or "Traceback" in said:
        return f"status {status}: {said[-1500:]}"
    names_it = any(str(part) in messages[0] for part in (file, file.parent / ".made" / f"{file.name}.json"))
    advises = any(word in messages[0] for word in ("delete", "run again", "make it again"))
    return "said" if names_it and advises else f"message: {messages[0]}"


def same(one: Path, other: Path) -> bool:
    if one.suffix == ".parquet":
        return pd.read_parquet(one).equals(pd.read_parquet(other))
    return one.is_dir() or one.suffix in (".pdf", ".png", ".svg") or one.read_bytes() == other.read_bytes()


def campaign(scripts: Scripts, study: Path, folder: Path, trials) -> tuple[dict[str, int], list[str]]:
    """Run trials; return how many ended in what, and the failures in words."""
    counts: dict[str, int] = {}
    failures = []
    for number, (job, file, kind, noted) in enumerate(trials):
        name = f"{job.rule}, {file}, {kind.__name__}{'' if noted else ', no note'}"
        ended = try_damage(scripts, study, folder / str(number), job, file, kind, noted, name)
        counts[ended if ended in ("said", "right") else "failed"] = counts.get(ended, 0) + 1
        if ended not in ("said", "right"):
            failures.append(f"{name}: {ended}")
    return counts, failures


def all_trials(study: Path) -> list[tuple]:
    """Return every rule, every kind of file that it reads, and every kind of damage, with and without its note."""
    read = readers(study, jobs_of(study, *CALL, *TARGETS))
    return [
        (job, file, kind, noted) for job, file in read.values() for kind in kinds_for(file) for noted in (True, False)
    ]
