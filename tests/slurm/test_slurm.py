"""The tiny study through a real Slurm, with everything that befalls jobs on a cluster.

Snakemake is killed and started again, the node is drained before jobs start and while they run, and comes back, and
jobs end by time, by memory, by scancel and by kill -9. In the end the tables are those of a local run.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml

from local_slurm import TOO_LONG, LocalSlurm, run

SCORES = "results/tiny/runs/tiny/arithmetic"
HALF = "lr1e-2_ep2_half_seed0"
PERTURBED = [f"{SCORES}/lr1e-3_ep4_full_seed0/epoch-{epoch}/perturbed_samples.parquet" for epoch in (2, 4)]
PROFILE = ["--profile", "slurm", "--configfile", "study.yaml", "--slurm-init-seconds-before-status-checks", "1"]
PROFILE += ["--latency-wait", "10", "--set-resources"]
PROFILE += ["measure_perplexity:mem_mb=2000 * attempt"]  # so that little is enough to be too much
# What others need not wait for takes its time first.
PROFILE += ["measure_perplexity:slurm_extra='--nice=-1000' if attempt == 1 else ''"]
SNAKEMAKE = [Path(sys.executable).with_name("snakemake"), *PROFILE]
ATTENTIVE = [sys.executable, Path(__file__).with_name("attentive_snakemake.py"), *PROFILE]


@dataclass
class Story:
    """What happened to the study."""

    folder: Path
    refused: str = ""
    said: str = ""
    finished_before: dict[str, float] = field(default_factory=dict)
    pending: list[dict[str, str]] = field(default_factory=list)
    drained: tuple[datetime, datetime] | None = None
    jobs: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict] = field(default_factory=list)


@pytest.fixture(scope="module")
def checkout_on_slurm(slurm, finished, tmp_path_factory):
    """A checkout whose data are there; jobs run through `interpreter.py`."""
    here = tmp_path_factory.mktemp("cluster") / "checkout"
    shutil.copytree(finished, here, ignore=shutil.ignore_patterns("models", "tokens", "runs", "pairs", "summary.md"))
    fate = here / "fate"
    fate.mkdir()
    python = fate / "python"
    stand_in = Path(__file__).with_name("interpreter.py")
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {stand_in} {fate} "$@"\n')
    python.chmod(0o755)
    study = yaml.safe_load((here / "config" / "tiny.yaml").read_text())
    study["hardware"] = {"gpu": True, "python": {"train": str(python), "sample": str(python)}}
    (here / "study.yaml").write_text(yaml.safe_dump(study))
    return here


def start(folder: Path, *command: object) -> subprocess.Popen:
    """Call Snakemake; what it says goes to the file `said`."""
    environment = {**os.environ, "NO_COLOR": "1"}
    with (folder / "said").open("w") as said:
        return subprocess.Popen(list(map(str, command)), cwd=folder, stdout=said, stderr=said, env=environment)


def call(folder: Path, *command: object) -> tuple[int, str]:
    """Call Snakemake until it ends; return its status and what it said."""
    return start(folder, *command).wait(), (folder / "said").read_text()


def running() -> set[str]:
    """Numbers of the jobs that run."""
    return set(run("squeue", "-h", "-t", "R", "-o", "%A").split())


@pytest.fixture(scope="module")
def story(slurm: LocalSlurm, checkout_on_slurm: Path) -> Story:
    """The study, from its first call to its end."""
    story = Story(checkout_on_slurm)
    said = story.folder / "said"

    # Snakemake is killed once a run has been trained.
    first = start(story.folder, *ATTENTIVE)
    trained = re.compile(r"Finished jobid: \d+ \(Rule: train")
    slurm.wait_for(lambda: first.poll() is not None or trained.search(said.read_text()), "a trained run")
    assert first.poll() is None, said.read_text()[-3000:]
    first.send_signal(signal.SIGKILL)
    first.wait()
    story.finished_before = {
        str(path): path.stat().st_mtime for path in story.folder.glob("results/tiny/runs/**/training.parquet")
    }

    # It is started again while jobs of the first call are in the queue, then without them.
    subprocess.run([sys.executable, "-m", "snakemake", "--unlock", "--configfile", "study.yaml"], cwd=story.folder)
    run("scontrol", "update", f"NodeName={slurm.host}", "State=DRAIN", "Reason=test")
    run("sbatch", "--hold", f"--chdir={story.folder}", "--wrap=true")
    _, story.refused = call(story.folder, *SNAKEMAKE)
    run("scancel", "--user=root")
    slurm.wait_for(lambda: not run("squeue", "-h").strip(), "an empty queue")
    story.finished_before = {
        str(path): path.stat().st_mtime
        for path in story.folder.glob("results/tiny/runs/**/training.parquet")
        if str(path) in story.finished_before
    }

    # Its jobs wait for the drained node, and then meet their fates.
    (story.folder / "fate" / "armed").touch()
    second = start(story.folder, *ATTENTIVE, "--", "all", *PERTURBED)
    try:
        slurm.wait_for(lambda: "PD" in run("squeue", "-h", "-o", "%t"), "jobs that wait for the node")
        story.pending = [job for job in slurm.jobs() if job["JobState"] == "PENDING"]
        run("scontrol", "update", f"NodeName={slurm.host}", "State=RESUME")
        # The node is drained once more while jobs run, until one of them has ended.
        slurm.wait_for(lambda: len(running()) > 1, "running jobs")
        run("scontrol", "update", f"NodeName={slurm.host}", "State=DRAIN", "Reason=test")
        begin, ran = datetime.now(), running()
        slurm.wait_for(lambda: ran - running(), "the end of one of them")
        story.drained = begin, datetime.now()
        run("scontrol", "update", f"NodeName={slurm.host}", "State=RESUME")
        status = second.wait(timeout=TOO_LONG)
    finally:
        second.kill()
    story.said, story.jobs = said.read_text(), slurm.jobs()
    assert status == 0, story.said[-6000:]
    story.notes = [json.loads(line) for line in (story.folder / "fate" / "notes").read_text().splitlines()]
    return story


def test_the_tables_are_those_of_a_local_run(story, finished):
    results = story.folder / "results" / "tiny"
    paths = [path.relative_to(results) for kind in ("runs", "pairs") for path in (results / kind).rglob("*.*")]
    paths = [path for path in paths if "perturbed" not in path.name]  # which the local run was not asked for
    tables = [path for path in paths if path.suffix == ".parquet"]
    assert sum(path.parts[0] == "runs" for path in tables) == 3 * 5 + 5
    for path in tables:
        here, there = (pd.read_parquet(folder / path) for folder in (results, finished / "results" / "tiny"))
        pd.testing.assert_frame_equal(here, there, check_exact=True)
    texts = [Path("summary.md"), *(path for path in paths if path.suffix == ".csv")]
    assert "regression.csv" in {path.name for path in texts}
    for path in texts:
        assert (results / path).read_text() == (finished / "results" / "tiny" / path).read_text(), path


def test_a_job_stays_on_one_node(story):
    assert story.pending
    assert {job["NumNodes"] for job in story.pending} == {"1-1"}  # at least and at most


def test_nothing_starts_on_a_drained_node(story):
    begin, end = story.drained
    starts = [datetime.fromisoformat(job["StartTime"]) for job in story.jobs if job["StartTime"] != "Unknown"]
    assert min(starts) < begin and max(starts) > end
    assert not [start for start in starts if begin < start < end.replace(microsecond=0)]  # Slurm tells whole seconds


def test_gpus_are_given_one_by_one(story):
    """Whichever Slurm chooses: how many jobs each GPU gets is chance. Jobs that ended badly count as well."""
    ends = {note["process"]: note["time"] for note in story.notes if note["event"] == "end"}
    ended = {job["JobId"]: job["EndTime"] for job in story.jobs}  # whole seconds
    on = {"0": [], "1": []}
    for note in story.notes:
        if note["event"] == "start":
            end = ends.get(note["process"]) or datetime.fromisoformat(ended[note["job"]]).timestamp()
            on[note["gpus"]].append((note["time"], end))
    assert sum(map(len, on.values())) >= 3 + 5 + 3 + 4  # trained, sampled and measured, and what came to grief
    for of_gpu in on.values():
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(sorted(of_gpu)))
    assert any(a[0] < b[1] and b[0] < a[1] for a in on["0"] for b in on["1"])  # both at once


@pytest.mark.parametrize(
    ("fate", "script", "state"),
    [
        ("time", "measure_perplexity.py", "TIMEOUT"),
        ("scancel", "measure_perplexity.py", "CANCELLED"),
        ("memory", "measure_perplexity.py", "FAILED"),  # as Slurm calls it without cgroups
        ("kill", "sample.py", "FAILED"),
    ],
)
def test_a_job_that_ends_badly_is_tried_again_with_more(story, fate, script, state):
    folder = (story.folder / "fate" / fate).read_text()
    starts = [note for note in story.notes if note["event"] == "start"]
    tried = [note["job"] for note in starts if (note["script"], note["folder"]) == (script, folder)]
    detail = {job["JobId"]: job for job in story.jobs}
    last = detail[tried[-1]]
    first = next(detail[job] for job in reversed(tried) if detail[job]["JobState"] != "COMPLETED")
    assert (first["JobState"], last["JobState"]) == (state, "COMPLETED")
    memory, more = (int(job["MinMemoryNode"].removesuffix("M")) for job in (first, last))
    assert more > 1.9 * memory  # an array asks for a little more
    if fate != "time":  # which came about by taking it away
        assert first["TimeLimit"] == "00:31:00"
    assert last["TimeLimit"] == "01:02:00"
    if fate == "kill":  # one of an array, which is tried again alone
        assert "ArrayTaskId" in first and "ArrayTaskId" not in last
        others = [job for job in story.jobs if job.get("ArrayJobId") == first["ArrayJobId"] and job != first]
        assert others and {job["JobState"] for job in others} == {"COMPLETED"}  # without the files of the first one


def test_what_was_finished_before_snakemake_was_killed_is_kept(story):
    assert story.finished_before
    for path, time in story.finished_before.items():
        assert Path(path).stat().st_mtime == time


def test_jobs_left_by_a_killed_snakemake_are_named(story):
    assert "an earlier snakemake was killed" in story.refused
    assert re.search(r"scancel \d+", story.refused)


def test_failures_are_readable(story):
    for fate in ("time", "memory", "kill"):
        before = story.said.partition(f"about to die: {fate}")[0]  # the last lines of the job's own log
        assert "Error in rule" in before[-6000:], fate
    assert re.search(r"external_jobid: \d+", story.said)
    assert "TIMEOUT" in story.said


def test_perturbed_prompts_are_sampled_in_an_array(story):
    jobs = [job for job in story.jobs if job.get("Comment", "").startswith("rule_sample_perturbed")]
    assert len({job["ArrayJobId"] for job in jobs}) == 1
    assert {job["ArrayTaskId"] for job in jobs} == {"1", "2"}
    assert all((story.folder / path).exists() for path in PERTURBED)


LIMITED = ["--forcerun", "sample_checkpoint", "--"]
LIMITED += [f"{SCORES}/{run}/epoch-2/samples.parquet" for run in (HALF, "lr1e-3_ep4_full_seed0")]
FAILING = ["--retries", 1, "--set-resources", "measure_weights:gpu=3", "--forcerun", "measure_perplexity", "--"]
FAILING += [f"{SCORES}/{HALF}/{table}.parquet" for table in ("perplexity", "weights")]
CALLS = {
    "limited jobs": [*SNAKEMAKE, "--jobs", 1, *LIMITED],
    "limited disk": [*SNAKEMAKE, "--resources", "disk_gb=1", *LIMITED],
    "limited jobs without arrays": [*ATTENTIVE, "--slurm-array-jobs", "none", "--jobs", 1, *LIMITED],
    "failing": [*ATTENTIVE, *FAILING],
}


@pytest.fixture(scope="module")
def called(story) -> dict[str, tuple[Path, int, str]]:
    """Further calls, two at a time, each in a copy of the study: its folder, its status and what it said."""

    def call_in_copy(name: str) -> tuple[Path, int, str]:
        folder = shutil.copytree(story.folder, story.folder.with_name(name.replace(" ", "-")), symlinks=True)
        return folder, *call(folder, *CALLS[name])

    (story.folder / "fate" / "broken").touch()  # what measures perplexity
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CALLS, pool.map(call_in_copy, CALLS), strict=True))


def sampled(folder: Path) -> list[float]:
    """When the samples that a limited call asks for were made."""
    return [(folder / path).stat().st_mtime for path in LIMITED if path.endswith(".parquet")]


@pytest.mark.parametrize(
    ("name", "named"), [("limited jobs", "--jobs 1 (of 2)"), ("limited disk", "--resources disk_gb")]
)
def test_a_limit_and_arrays_are_refused(story, called, name, named):
    folder, status, said = called[name]
    assert status != 0
    assert f"{named}: a limit and job arrays do not go together; add --slurm-array-jobs none" in said
    assert sampled(folder) == sampled(story.folder)


def test_a_limit_alone_works(story, called):
    folder, status, said = called["limited jobs without arrays"]
    assert status == 0, said[-3000:]
    assert all(now > before for now, before in zip(sampled(folder), sampled(story.folder), strict=True))


def test_a_job_that_fails_for_good_is_told_with_the_last_lines_of_its_log(called):
    _, status, said = called["failing"]
    assert status != 0
    of_perplexity = [part for part in said.split("Error in rule ") if part.startswith("measure_perplexity:")]
    assert len(set(re.findall(r"external_jobid: (\d+)", "".join(of_perplexity)))) == 2
    end = said[said.rindex("measure_perplexity failed: ") :]
    assert end.startswith("measure_perplexity failed: model=tiny, dataset=arithmetic, lr=1e-2, epochs=2, size=half")
    assert f"logs/measure_perplexity/tiny/arithmetic/{HALF}.log, its last lines:\n  | error: broken for good" in end


def test_more_gpus_than_there_are_are_refused(called):
    _, status, said = called["failing"]
    assert status != 0
    assert "Requested node configuration is not available" in said
    assert "measure_weights failed: model=tiny, dataset=arithmetic, lr=1e-2, epochs=2, size=half" in said
