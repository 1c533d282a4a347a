"""Stands in for the Python that trains, samples and measures: notes what it was given, and lets jobs come to grief.

Where a file `armed` lies beside it, the first attempts of four jobs end by time, by memory, by scancel and by kill -9.
"""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

HERE = Path(sys.argv[1])
ARGUMENTS = sys.argv[2:]
FATES = {
    ("measure_perplexity.py", "lr1e-2_ep4_full_seed0"): "time",
    ("measure_perplexity.py", "lr1e-3_ep4_full_seed0"): "scancel",
    ("measure_perplexity.py", "lr1e-2_ep2_half_seed0"): "memory",
    ("sample.py", "lr1e-2_ep2_half_seed0"): "kill",
}


def note(**more: object) -> None:
    """Write down what this job is and has."""
    script, run = Path(ARGUMENTS[0]).name, next(a for a in ARGUMENTS if "_seed" in a).split("/runs/")[1].split("/")[2]
    line = {"script": script, "run": run, "job": os.environ["SLURM_JOB_ID"], "process": os.getpid()}
    line |= {"gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "time": time.time(), **more}
    with (HERE / "notes").open("a") as file:
        file.write(json.dumps(line) + "\n")
    fate = FATES.get((script, run))
    if more["event"] == "start" and fate and (HERE / "armed").exists() and not (HERE / fate).exists():
        (HERE / fate).touch()
        print(f"about to die: {fate}", file=sys.stderr, flush=True)
        meet(fate)


def meet(fate: str) -> None:
    """End as jobs on clusters do."""
    match fate:
        case "time":
            subprocess.run(["scontrol", "update", f"JobId={os.environ['SLURM_JOB_ID']}", "TimeLimit=1"], check=True)
        case "memory":
            taken = bytearray(3 << 30)
            taken[::4096] = b"1" * len(taken[::4096])
        case "scancel":
            subprocess.run(["scancel", os.environ["SLURM_JOB_ID"]], check=True)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


note(event="start")
# The GPUs here are names only, so the job is not told to look for them.
told = ["0" if option == "--gpus" else word for option, word in pairwise(["", *ARGUMENTS])]
status = subprocess.run([sys.executable, *told]).returncode
note(event="end", status=status)
sys.exit(status)
