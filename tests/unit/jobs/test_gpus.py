"""GPUs of a plain machine: fake ids, real processes."""

import json
import os
import subprocess
import sys

import pytest

JOB = "import os, sys, time, json; a = time.time(); time.sleep(0.4); " + (
    "print(json.dumps([os.environ.get('CUDA_VISIBLE_DEVICES'), a, time.time()]))"
)


def start(root, tmp_path, number, **environment):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": "3,5", **environment}
    command = [sys.executable, root / "workflow" / "scripts" / "on_gpus.py", str(number), sys.executable, "-c", JOB]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_jobs_at_once_never_share_a_gpu(root, tmp_path):
    jobs = [start(root, tmp_path, number) for number in (1, 1, 2, 1, 1, 2)]
    done = [json.loads(job.communicate()[0]) for job in jobs]
    assert {tuple(ids.split(",")) for ids, *_ in done} <= {("3",), ("5",), ("3", "5")}
    assert [len(ids.split(",")) for ids, *_ in done] == [1, 1, 2, 1, 1, 2]
    for i, (ids, begin, end) in enumerate(done):
        for other, other_begin, other_end in done[i + 1 :]:
            if begin < other_end and other_begin < end:
                assert not set(ids.split(",")) & set(other.split(","))


def test_a_killed_job_gives_its_gpu_back(root, tmp_path):
    first = start(root, tmp_path, 2)
    first.kill()
    first.wait()
    assert json.loads(start(root, tmp_path, 2).communicate()[0])[0] == "3,5"


@pytest.mark.parametrize(("number", "environment"), [(0, {}), (2, {"SLURM_JOB_ID": "1"})])
def test_nothing_is_done_without_need(root, tmp_path, number, environment):
    assert json.loads(start(root, tmp_path, number, **environment).communicate()[0])[0] == "3,5"
    assert not list(tmp_path.iterdir())


def test_too_many_are_refused(root, tmp_path):
    assert "asks for 3 GPUs, but there are 2" in start(root, tmp_path, 3).communicate()[1]
