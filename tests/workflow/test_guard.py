"""What happens before the first job: two calls on the same results, and how often Snakemake looks for work."""

import re
import signal
import subprocess
import sys
import time

import pytest

from calls import run_study, snakemake

HOLD = """
import sys, time
from pathlib import Path
from premem.jobs.lock import claim

claim(Path(sys.argv[1]))
print(1, flush=True)
time.sleep(99)
"""


def test_the_second_call_is_told(finished, tmp_path):
    results = finished / "results" / "tiny"
    scripts = finished / "workflow" / "scripts"
    first = subprocess.Popen([sys.executable, "-c", HOLD, results], cwd=scripts, stdout=subprocess.PIPE)
    assert first.stdout.readline()
    call = ["--directory", tmp_path, "--configfile", finished / "config" / "tiny.yaml"]
    call += ["--config", f"results={finished / 'results'}", "--forcerun", "summarize", "--rerun-triggers", "mtime"]
    second = snakemake(finished, *call)
    assert second.returncode != 0
    assert f"another snakemake works on these results (process {first.pid}" in second.stdout + second.stderr
    first.send_signal(signal.SIGKILL)  # leaves its note behind, but not its lock
    first.wait()
    time.sleep(0.1)
    assert (results / ".claimed").read_text()
    assert snakemake(finished, *call).returncode == 0
    assert not (results / ".claimed").read_text()


@pytest.mark.parametrize(("options", "is_limited"), [((), False), (("--max-jobs-per-timespan", "50/1s"), True)])
def test_snakemake_looks_for_work_when_a_job_has_ended(checkout, tmp_path, options, is_limited):
    """And not once a second more after each; a limit of the user's own is still kept to, at that price."""
    call = ["--cores", 1, "--verbose", "--configfile", "config/tiny.yaml", "--config", f"results={tmp_path}", *options]
    said = run_study(checkout, *call, "--", "data")
    jobs = len(re.findall(r"^Finished jobid: ", said, re.MULTILINE))
    assert jobs >= 5
    assert (said.count("Resources before job selection") > jobs + 1) == is_limited
