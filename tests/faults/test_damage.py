"""Damaged results: the job that reads one says which file is damaged and what to do, or is not misled by it.

Damage is drawn with a seed. By default each kind of file takes one kind of damage; ``-m faults_long`` tries all kinds
on every rule that reads it.
"""

import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from calls import run_study
from damage import Damage, copy_linked, forget_note, kinds_for, set_infinite, set_nan, set_text, truncate
from study_jobs import Job, Scripts, jobs_of

TARGETS = "all", "scrutiny", "predictors", "robustness", "example_reports", "model_comparison"
CALL = "--configfile", "config/tiny.yaml", "--"
FOLDERS = "models", "checkpoints"
"""Names of folders of model folders: messages may name one of these, and not the file in it."""


@dataclass(frozen=True)
class Trial:
    """A job, a file that it reads, what happens to the file, and whether its note, which holds its checksum, stays."""

    job: Job
    file: Path
    damage: Damage
    noted: bool = True

    def __str__(self) -> str:
        return f"{self.job.rule}, {self.file}, {self.damage.__name__}{'' if self.noted else ', no note'}"


@pytest.fixture(scope="module")
def scripts():
    with Scripts() as running:
        yield running


def read_files(study: Path, jobs: Iterable[Job]) -> list[tuple[Job, Path]]:
    """Return a job and a file for every rule and kind of file that it reads, as far as the study has been made."""
    found: dict[tuple[str, str, str], tuple[Job, Path]] = {}
    for job in jobs:
        if all((study / file).exists() for file in (*job.inputs, *job.outputs)):
            for file in map(Path, job.inputs):
                inside = sorted(child for child in (study / file).rglob("[!.]*") if child.is_file())
                for each in (child.relative_to(study) for child in inside or [study / file]):
                    found.setdefault((job.rule, each.parts[2], each.name), (job, each))
    return list(found.values())


def attempt(scripts: Scripts, study: Path, folder: Path, trial: Trial) -> str:
    """Damage a file of a copy, and run the job that reads it.

    Returns:
        "said" where a message names the file, "right" where the results are those of the undamaged file, else what is
        wrong.
    """
    copy_linked(study / "results", folder / "results")
    trial.damage(folder / trial.file, random.Random(str(trial)))
    if not trial.noted:
        forget_note(folder / trial.file)
    status, said = scripts.run(trial.job.words, folder)
    outputs = [name for name in trial.job.outputs if not (study / name).is_dir()]
    right = status == 0 and all(same(study / name, folder / name) for name in outputs)
    shutil.rmtree(folder)
    if status == 0:
        return "right" if right else f"used in silence: {said[-500:]}"
    messages = [line for line in said.splitlines() if line.startswith("error: ")]
    if status != 1 or len(messages) != 1 or "Traceback" in said:
        return f"no message: status {status}: {said[-1500:]}"
    named = [str(trial.file), str(trial.file.parent / ".made" / f"{trial.file.name}.json")]
    if set(FOLDERS) & set(trial.file.parts):
        named.append(str(trial.file.parent))
    return "said" if any(name in messages[0] for name in named) else f"another file is named: {messages[0]}"


def same(one: Path, other: Path) -> bool:
    if one.suffix == ".parquet":
        return pd.read_parquet(one).equals(pd.read_parquet(other))
    return one.suffix in (".pdf", ".png", ".svg") or one.read_bytes() == other.read_bytes()


def campaign(scripts: Scripts, study: Path, folder: Path, trials: Iterable[Trial]) -> None:
    """Run trials, print how many ended in what, and fail if one is neither said nor right."""
    ended = {str(trial): attempt(scripts, study, folder / str(number), trial) for number, trial in enumerate(trials)}
    print(dict(Counter(end if end in ("said", "right") else "failed" for end in ended.values())))
    assert {trial: end for trial, end in ended.items() if end not in ("said", "right")} == {}


def test_a_damaged_file_is_named_or_misleads_nobody(finished, jobs, scripts, tmp_path):
    """One trial for every kind of file, at a rule that reads it."""
    chance = random.Random(0)
    by_kind = {(file.parts[2], file.name): (job, file) for job, file in read_files(finished, jobs_of(finished, *CALL))}
    campaign(
        scripts, finished, tmp_path, [Trial(*read, chance.choice(kinds_for(read[1]))) for read in by_kind.values()]
    )


def first(jobs: Iterable[Job], rule: str) -> Job:
    """Return the job of a rule that reads most."""
    return max((job for job in jobs if job.rule == rule), key=lambda job: len(job.inputs))


def lose_answer(file: Path, chance: random.Random) -> None:
    """Remove one of the answers to one question."""
    table = pd.read_parquet(file)
    file.unlink()
    table.drop(index=chance.randrange(len(table))).to_parquet(file)


def lose_example(file: Path, chance: random.Random) -> None:
    """Remove all answers to a training question."""
    table = pd.read_parquet(file)
    file.unlink()
    table[(table["split"] != "train") | (table["example_id"] != table["example_id"].iloc[0])].to_parquet(file)


def empty_grader(file: Path, chance: random.Random) -> None:
    """Empty a column of grades."""
    table = pd.read_parquet(file)
    file.unlink()
    table.assign(strict=None).to_parquet(file)


def lower_perplexity(file: Path, chance: random.Random) -> None:
    """Put a perplexity below 1 in."""
    table = pd.read_parquet(file)
    file.unlink()
    table.loc[chance.randrange(len(table)), "perplexity"] = 0.2
    table.to_parquet(file)


@pytest.mark.parametrize(
    ("rule", "name", "damage"),
    [
        ("grade_samples", "samples.parquet", lose_answer),
        ("grade_samples", "samples.parquet", lose_example),
        ("score_run", "grades.parquet", lose_answer),
        ("score_run", "grades.parquet", empty_grader),
        ("compare_graders", "grades.parquet", empty_grader),
        ("score_run", "perplexity.parquet", lower_perplexity),
        ("score_run", "perplexity.parquet", set_infinite),
        ("score_run", "perplexity.parquet", set_nan),
        ("gather_runs", "memorization.parquet", set_nan),
        ("regress", "memorization.parquet", lower_perplexity),
        ("calibrate", "test_accuracy.parquet", set_nan),
    ],
)
def test_what_must_hold_of_a_table_is_checked_without_its_note(finished, jobs, scripts, tmp_path, rule, name, damage):
    job = first(jobs, rule)
    file = next(Path(file) for file in job.inputs if file.endswith(f"/{name}"))
    assert attempt(scripts, finished, tmp_path / "copy", Trial(job, file, damage, noted=False)) == "said"


@pytest.fixture(scope="module")
def jobs(finished):
    return jobs_of(finished, *CALL)


def test_an_example_without_answers_is_missed_in_the_samples(finished, jobs, scripts, tmp_path):
    """Where the grades lack it as well, the perplexities know it."""
    job = first(jobs, "score_run")
    copy_linked(finished / "results", tmp_path / "results")
    lose_example(tmp_path / job.inputs[0], random.Random(0))
    forget_note(tmp_path / job.inputs[0])
    status, said = scripts.run(job.words, tmp_path)
    assert status == 1
    assert re.search(r"^error: \S+/epoch-\d+/samples\.parquet: \d+ training examples have no answers", said)


@pytest.mark.parametrize(
    "damage", [set_text('{"script": "score'), set_text("null"), set_text("[]"), set_text("\x00\x00")]
)
def test_a_damaged_note_names_itself_and_its_file(finished, jobs, scripts, tmp_path, damage):
    job = first(jobs, "score_run")
    grades = Path(job.inputs[0])
    note = grades.parent / ".made" / f"{grades.name}.json"
    copy_linked(finished / "results", tmp_path / "results")
    damage(tmp_path / note, random.Random(0))
    status, said = scripts.run(job.words, tmp_path)
    assert status == 1
    assert said.startswith(f"error: {note}: not readable as JSON")
    assert f"delete it and {grades}, and run again" in said


def test_a_file_that_may_not_be_read_is_named(finished, jobs, tmp_path):
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv here")
    job = first(jobs, "gather_runs")
    copy_linked(finished / "results", tmp_path / "results")
    scores = Path(job.inputs[0])
    shutil.copy(finished / scores, tmp_path / "own")
    (tmp_path / "own").replace(tmp_path / scores)
    (tmp_path / scores).chmod(0)
    command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", sys.executable, *job.words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {scores}: not readable"), done.stderr


def test_damaged_records_of_snakemake_are_not_acted_on_in_silence(finished, tmp_path):
    """A training that runs again because of them is announced before."""
    study = Path(shutil.copytree(finished, tmp_path / "study"))
    records = sorted(file for file in (study / ".snakemake" / "metadata").rglob("*") if file.is_file())
    chance = random.Random(0)
    for record in chance.sample(records, 5):
        truncate(record, chance)
    said = run_study(study, "--configfile", "config/tiny.yaml")
    for rule in re.findall(r"rule train_\d+_epochs", said):
        assert said.find("trains again") < said.index(rule)


@pytest.mark.slow
@pytest.mark.faults_long
def test_every_damage_of_every_file_at_every_rule(finished, scripts, tmp_path):
    run_study(finished, *CALL, *TARGETS)
    read = read_files(finished, jobs_of(finished, *CALL, *TARGETS))
    campaign(scripts, finished, tmp_path, [Trial(*each, kind) for each in read for kind in kinds_for(each[1])])
