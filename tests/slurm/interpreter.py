"""Stands in for the Python that trains, samples and measures: notes what it was given, and lets jobs come to grief.

Where a file `armed` lies beside it, the first attempts of four jobs end by time, by memory, by scancel and by kill -9.
Where a file `broken` does, every job fails.
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
    ("measure_perplexity.py", "lr1e-2_ep4_full_seed0/checkpoints/epoch-2"): "time",
    ("measure_perplexity.py", "lr1e-3_ep4_full_seed0/checkpoints/epoch-2"): "scancel",
    ("measure_perplexity.py", "lr1e-2_ep2_half_seed0/checkpoints/epoch-2"): "memory",
    ("sample.py", "lr1e-2_ep4_full_seed0/checkpoints/epoch-4"): "kill",
}


def note(**more: object) -> None:
    """Write down what this job is and has."""
    script, about = Path(ARGUMENTS[0]).name, next(argument for argument in ARGUMENTS if "_seed" in argument)
    folder = about.partition("/arithmetic/")[2]  # such as lr1e-2_ep2_half_seed0/checkpoints/epoch-2
    line = {
        "script": script,
        "run": folder.partition("/")[0],
        "job": os.environ["SLURM_JOB_ID"],
        "process": os.getpid(),
    }
    line |= {"gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "time": time.time(), **more}
    with (HERE / "notes").open("a") as file:
        file.write(json.dumps(line) + "\n")
    fate = FATES.get((script, folder))
    if more["event"] == "start" and fate and (HERE / "armed").exists() and not (HERE / fate).exists():
        (HERE / fate).touch()
        print(f"about to die: {fate}", file=sys.stderr, flush=True)
        meet(fate, Path(about))


def meet(fate: str, about: Path) -> None:
    """End as jobs on clusters do."""
    match fate:
        case "time":
            subprocess.run(["scontrol", "update", f"JobId={os.environ['SLURM_JOB_ID']}", "TimeLimit=1"], check=True)
        case "memory":
            taken = bytearray(3 << 30)
            taken[::4096] = b"1" * len(taken[::4096])
        case "scancel":
            subprocess.run(["scancel", os.environ["SLURM_JOB_ID"]], check=True)
        case "kill":  # of an array, once its first task has done its work
            first = about.parents[1] / "epoch-2" / "samples.parquet"
            while not first.exists():
                time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


if (HERE / "broken").exists():
    sys.exit("error: broken for good")
note(event="start")
# The GPUs here are names only, so the job is not told to look for them.
told = ["0" if option == "--gpus" else word for option, word in pairwise(["", *ARGUMENTS])]
status = subprocess.run([sys.executable, *told]).returncode
note(event="end", status=status)
sys.exit(status)
