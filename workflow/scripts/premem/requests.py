"""What a job asks a cluster for: memory and time, from the size of the model and the amount of work."""

import math
from pathlib import Path
from typing import Literal

from premem.plan import BYTES_PER_WEIGHT, hours_of, tokens_of, work_of
from premem.study import Run, Study

Kind = Literal["training", "sampling", "perplexity", "weights", "perturbed"]

PROCESS_MB = 3000
"""Memory of a process beside the model: Python, libraries, data."""
GPU_PROCESS_MB = 8000
"""The same on a GPU, whose driver and engine keep buffers in the machine's memory."""
START_MINUTES = 30
"""Time for what does not grow with the work: starting, loading, compiling, a slow disk."""
UNKNOWN_MINUTES = 24 * 60
"""Time asked for where the amount of work is not known yet."""
MARGIN = 1.5
"""Time asked for, over the time expected."""


def processes_of(study: Study, kind: Kind) -> int:
    """Return how many processes of a job each load the model."""
    hardware = study.hardware
    match kind:
        case "training":
            return hardware.train.processes
        case "sampling" | "perturbed":
            return hardware.sample.shards
        case "perplexity":
            return hardware.perplexity.processes
        case "weights":
            return 1


def gpus_of(study: Study, kind: Kind) -> int:
    """Return how many GPUs a job asks for."""
    together = study.hardware.sample.tensor_parallel if kind in ("sampling", "perturbed") else 1
    return processes_of(study, kind) * together if study.hardware.gpu else 0


def memory_mb(study: Study, kind: Kind, weights: float) -> int:
    """Return the memory of the machine, not of its GPUs, that a job asks for.

    Training on a processor holds the weights four times: themselves, their gradients and AdamW's two moments. On GPUs
    each process loads them, and one gathers them to be written. What is measured of weights takes those of the base
    model as well, gradients and their sum.
    """
    processes = processes_of(study, kind)
    copies = processes + (3 if kind in ("training", "weights") else 1)
    each = GPU_PROCESS_MB if study.hardware.gpu else PROCESS_MB
    return processes * each + math.ceil(copies * weights * BYTES_PER_WEIGHT / 1e6)


def minutes(study: Study, kind: Kind, run: Run, results: Path, checkpoints: int | None = None) -> int:
    """Return the time that a job asks for, in whole minutes.

    Args:
        study: the configuration.
        kind: what the job does.
        run: whose job it is; its learning rate and seed do not matter.
        results: the study's folder of results, for what is known of its data.
        checkpoints: how many of the run's the job works on; all of them if None.
    """
    work = work_of(study, run, results)
    tokens = tokens_of(study, run, work)
    hours = hours_of(study, work, tokens)[kind] if tokens else math.nan
    if math.isnan(hours):
        return UNKNOWN_MINUTES
    share = 1 if checkpoints is None else checkpoints / work.checkpoints
    return START_MINUTES + math.ceil(60 * MARGIN * share * hours / processes_of(study, kind))
