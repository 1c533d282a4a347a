"""Stands in for the Python that trains, samples and measures: notes what it was given, and lets jobs come to grief.

Once a file `armed` lies next to it, the first attempts of four jobs end by time, by memory, by scancel and by kill -9.
Before, only trainings run, and other jobs wait.
Where a file `broken` does, every job that measures perplexity fails.
"""

import json
import os
import re
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
}
FIRST_OF_ARRAY = os.environ.get("SLURM_ARRAY_TASK_ID") == os.environ.get("SLURM_ARRAY_TASK_MIN", "none")


def note(**more: object) -> None:
    """Write down what this job is and has."""
    script, about = Path(ARGUMENTS[0]).name, next(argument for argument in ARGUMENTS if "_seed" in argument)
    folder = about.partition("/arithmetic/")[2]  # such as lr1e-2_ep2_half_seed0/checkpoints/epoch-2
    line = {"script": script, "folder": folder, "job": os.environ["SLURM_JOB_ID"], "process": os.getpid()}
    line |= {"gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "time": time.time(), **more}
    with (HERE / "notes").open("a") as file:
        file.write(json.dumps(line) + "\n")
    fate = "kill" if script == "sample.py" and FIRST_OF_ARRAY else FATES.get((script, folder))
    if more["event"] == "start" and fate and (HERE / "armed").exists() and not (HERE / fate).exists():
        (HERE / fate).write_text(folder)
        print(f"about to die: {fate}", file=sys.stderr, flush=True)
        meet(fate)


def meet(fate: str) -> None:
    """End as jobs on clusters do."""
    match fate:
        case "time":  # Slurm looks every 30 s for jobs whose time is over
            subprocess.run(["scontrol", "update", f"JobId={os.environ['SLURM_JOB_ID']}", "EndTime=now"], check=True)
        case "memory":
            taken = bytearray(3 << 30)
            taken[::4096] = b"1" * len(taken[::4096])
        case "scancel":
            subprocess.run(["scancel", os.environ["SLURM_JOB_ID"]], check=True)
        case "kill":  # the first job of an array, once another has ended
            show = ["scontrol", "show", "job", os.environ["SLURM_ARRAY_JOB_ID"]]
            while not re.search("JobState=(COMPLETED|FAILED)", subprocess.check_output(show, text=True)):
                time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


if (HERE / "broken").exists() and Path(ARGUMENTS[0]).name == "measure_perplexity.py":
    sys.exit("error: broken for good")
# Jobs of the first call that come after a training wait for their end, so that the second call has them to do.
while Path(ARGUMENTS[0]).name != "train.py" and not (HERE / "armed").exists():
    time.sleep(0.2)
note(event="start")
# The GPUs here are names only, so the job is not told to look for them.
told = ["0" if option == "--gpus" else word for option, word in pairwise(["", *ARGUMENTS])]
status = subprocess.run([sys.executable, *told]).returncode
note(event="end", status=status)
sys.exit(status)
