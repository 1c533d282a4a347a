"""The tiny study through a real Slurm, with everything that befalls jobs on a cluster.

Snakemake is killed and started again, the node is drained and comes back, and jobs end by time, by memory, by scancel
and by kill -9. In the end the tables are those of a local run.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml

from local_slurm import LocalSlurm, run

SCORES = "results/tiny/runs/tiny/arithmetic"
HALF = "lr1e-2_ep2_half_seed0"
QUICK = ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"]
QUICK += ["--set-resources", "measure_perplexity:mem_mb=2000 * attempt"]  # so that little is enough to be too much


@dataclass
class Story:
    """What happened to the study."""

    folder: Path
    refused: str = ""
    said: str = ""
    finished_before: dict[str, float] = field(default_factory=dict)
    jobs: list[dict[str, str]] = field(default_factory=list)

    def notes(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "fate" / "notes").read_text().splitlines()]


@pytest.fixture(scope="module")
def checkout_on_slurm(slurm, finished, tmp_path_factory):
    """A checkout whose data and base model are there; jobs run through `interpreter.py`."""
    here = tmp_path_factory.mktemp("cluster") / "checkout"
    shutil.copytree(finished, here, ignore=shutil.ignore_patterns("runs", "pairs", "summary.md"))
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


def start(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--configfile", "study.yaml", *QUICK]
    with (folder / "said").open("w") as said:
        return subprocess.Popen(
            [*command, "--", "scores"], cwd=folder, stdout=said, stderr=said, env={**os.environ, "NO_COLOR": "1"}
        )


def call(folder: Path, *arguments: object) -> tuple[int, str]:
    """Call Snakemake with the profile; return its status and what it said."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--configfile", "study.yaml", *QUICK]
    command += list(map(str, arguments))
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def story(slurm: LocalSlurm, checkout_on_slurm: Path) -> Story:
    """The study, from its first call to its end."""
    story = Story(checkout_on_slurm)
    said = story.folder / "said"

    # Snakemake is killed once a run has been trained.
    first = start(story.folder)
    trained = re.compile(r"Finished jobid: \d+ \(Rule: train")
    slurm.wait_for(lambda: first.poll() is not None or trained.search(said.read_text()), "a trained run", 300)
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
    start(story.folder).wait()
    story.refused = said.read_text()
    run("scancel", "--user=root")
    slurm.wait_for(lambda: not run("squeue", "-h").strip(), "an empty queue")
    story.finished_before = {
        str(path): path.stat().st_mtime
        for path in story.folder.glob("results/tiny/runs/**/training.parquet")
        if str(path) in story.finished_before
    }

    # Its jobs wait for the drained node, and then meet their fates.
    (story.folder / "fate" / "armed").touch()
    second = start(story.folder)
    try:
        slurm.wait_for(lambda: "PD" in run("squeue", "-h", "-o", "%t"), "jobs that wait for the node")
        run("scontrol", "update", f"NodeName={slurm.host}", "State=RESUME")
        status = second.wait(timeout=900)
    finally:
        second.kill()
    story.said, story.jobs = said.read_text(), slurm.jobs()
    assert status == 0, story.said[-6000:]
    return story


def test_the_tables_are_those_of_a_local_run(story, finished):
    tables = sorted(path.relative_to(finished) for path in (finished / SCORES).rglob("*.parquet"))
    tables = [path for path in tables if path.name != "points.parquet"]
    assert len(tables) == 3 * 5 + 5
    for path in tables:
        pd.testing.assert_frame_equal(
            pd.read_parquet(story.folder / path), pd.read_parquet(finished / path), check_exact=True
        )


def test_gpus_are_given_one_by_one(story):
    notes = story.notes()
    assert {note["gpus"] for note in notes} == {"0", "1"}
    ends = {note["process"]: note["time"] for note in notes if note["event"] == "end"}
    whole = sorted(
        (n["time"], ends[n["process"]], n["gpus"]) for n in notes if n["event"] == "start" and n["process"] in ends
    )
    for gpu in "01":
        of_gpu = [(begin, end) for begin, end, name in whole if name == gpu]
        assert len(of_gpu) > 2
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(of_gpu))


def test_jobs_that_end_badly_are_tried_again_with_more(story):
    starts: dict[tuple[str, str], list[str]] = {}
    for note in story.notes():
        if note["event"] == "start":
            starts.setdefault((note["script"], note["run"]), []).append(note["job"])
    detail = {job["JobId"]: job for job in story.jobs}
    asked = {job["JobId"]: (job["MinMemoryNode"], job["TimeLimit"], job["JobState"]) for job in story.jobs}
    for fate in ("time", "memory", "scancel", "kill"):
        assert (story.folder / "fate" / fate).exists(), fate
    states = {state for _, _, state in asked.values()}
    assert {"TIMEOUT", "CANCELLED", "FAILED", "COMPLETED"} <= states
    sampled = starts["sample.py", "lr1e-2_ep4_full_seed0"][-3:]  # two checkpoints in an array, and one of them again
    assert "ArrayTaskId" in detail[sampled[0]] and "ArrayTaskId" not in detail[sampled[-1]]
    before, after = asked[sampled[0]], asked[sampled[-1]]
    assert int(after[0].rstrip("M")) > 1.9 * int(before[0].rstrip("M"))  # an array asks for a little more
    assert (before[1], after[1]) == ("00:31:00", "01:02:00")


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


@pytest.mark.parametrize(
    ("limit", "named"), [(["--jobs", 1], "--jobs 1 (of 2)"), (["--resources", "disk_gb=1"], "--resources disk_gb")]
)
def test_a_limit_and_arrays_are_refused_and_a_limit_alone_works(story, limit, named):
    samples = [f"{SCORES}/{HALF}/epoch-2/samples.parquet", f"{SCORES}/lr1e-3_ep4_full_seed0/epoch-2/samples.parquet"]
    sample = [*limit, "--forcerun", "sample_checkpoint", "--", *(samples)]
    before = {path: (story.folder / path).stat().st_mtime for path in samples}
    status, said = call(story.folder, *sample)
    assert status != 0
    assert f"{named}: a limit and job arrays do not go together; add --slurm-array-jobs none" in said
    assert {path: (story.folder / path).stat().st_mtime for path in samples} == before
    if "--jobs" in limit:
        status, said = call(story.folder, "--slurm-array-jobs", "none", *sample)
        assert status == 0, said[-3000:]
        assert all((story.folder / path).stat().st_mtime > time for path, time in before.items())


def test_a_job_that_fails_for_good_is_told_with_the_last_lines_of_its_log(story):
    (story.folder / "fate" / "broken").touch()
    target = f"{SCORES}/{HALF}/perplexity.parquet"
    status, said = call(story.folder, "--retries", 1, "--forcerun", "measure_perplexity", "--", target)
    (story.folder / "fate" / "broken").unlink()
    assert status != 0
    assert len(set(re.findall(r"external_jobid: (\d+)", said))) == 2
    end = said[said.rindex("measure_perplexity failed: ") :]
    assert end.startswith("measure_perplexity failed: model=tiny, dataset=arithmetic, lr=1e-2, epochs=2, size=half")
    assert f"logs/measure_perplexity/tiny/arithmetic/{HALF}.log, its last lines:\n  | error: broken for good" in end


def test_more_gpus_than_there_are_are_refused(story):
    target = f"{SCORES}/{HALF}/perplexity.parquet"
    more = ["--retries", 0, "--set-resources", "measure_perplexity:gpu=3"]
    status, said = call(story.folder, *more, "--forcerun", "measure_perplexity", "--", target)
    assert status != 0
    assert "Requested node configuration is not available" in said
