"""Two calls on the same results, from different folders."""

import signal
import subprocess
import sys
import time

from calls import snakemake

HOLD = """
import sys, time
from pathlib import Path
from premem.guard import claim

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
