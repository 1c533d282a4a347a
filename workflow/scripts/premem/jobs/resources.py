"""What a job asks a cluster for: memory and time, from the size of the model and the amount of work."""

import math
from pathlib import Path
from typing import Literal

from premem.config.models import Model
from premem.config.runs import Run
from premem.config.study import Study
from premem.jobs.plan import (
    BYTES_PER_WEIGHT,
    PROCESSOR_TFLOPS,
    UTILISATION,
    hours_of,
    number_of_weights,
    tokens_of,
    work_of,
)

Kind = Literal["training", "sampling", "perplexity", "weights", "perturbed"]
Graded = Literal["sampling", "perturbed"]  # what makes answers

PROCESS_MB = 3000
"""Memory of a process in addition to the model: Python, libraries, data."""
GPU_PROCESS_MB = 8000
"""The same on a GPU, whose driver and engine keep buffers in the machine's memory."""
START_MINUTES = 30
"""Time for what does not grow with the work: starting, loading, compiling, a slow disk."""
UNKNOWN_MINUTES = 24 * 60
"""Time asked for where the amount of work is not known yet."""
MARGIN = 1.5
"""Time asked for, over the time expected."""
GRADES_PER_SECOND = {"gsm8k": 1000, "math": 40, "number": 1000, "choice": 1000, "exact": 1000}
"""Answers of each style that a processor grades in a second: a third of what one can, as some comparisons take long."""
ANSWER_KB = 20
"""Memory of an answer while it is graded: its text some times over, and what was found there by each grader."""
UNKNOWN_GRADING_MB = 8000
"""Memory asked for where the number of answers is not known yet."""


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


def grading(study: Study, kind: Graded, run: Run, results: Path, checkpoints: int | None = None) -> tuple[int, int]:
    """Return the memory (MB) and the time (minutes) that grading a run's answers asks for, by their number.

    Args:
        study: the configuration.
        kind: what made the answers.
        run: whose answers they are; its learning rate and seed do not matter.
        results: the study's folder of results, for what is known of its data.
        checkpoints: how many of the run's they are from; all of them if None.
    """
    work = work_of(study, run, results)
    tokens = tokens_of(study, run, work)
    if tokens is None:
        return UNKNOWN_GRADING_MB, UNKNOWN_MINUTES
    share = 1 if checkpoints is None else checkpoints / work.checkpoints
    answers = share * tokens[kind] / study.sampling.max_new_tokens
    seconds = answers / GRADES_PER_SECOND[study.dataset(run.dataset).answers]
    return PROCESS_MB + math.ceil(answers * ANSWER_KB / 1e3), START_MINUTES + math.ceil(MARGIN * seconds / 60)


def pretraining(model: Model) -> tuple[int, int]:
    """Return the memory (MB) and the time (minutes) that pre-training a model asks for: by its recipe, on a processor.

    The memory holds the weights four times, as in training. It also holds what a batch needs for its gradients: some
    numbers per layer for every token, and the scores of the whole vocabulary three times.
    """
    recipe, weights = model.pretrain, number_of_weights(model)
    assert recipe and weights
    shape, batch = recipe.architecture, recipe.batch_size * recipe.sequence_length
    per_layer = 12 * shape.hidden_size + 4 * shape.intermediate_size
    numbers = 4 * weights + batch * (shape.layers * per_layer + 3 * recipe.tokenizer.vocab_size)
    seconds = 6 * weights * recipe.steps * batch / (PROCESSOR_TFLOPS * 1e12 * UTILISATION["training"])
    return PROCESS_MB + math.ceil(numbers * BYTES_PER_WEIGHT / 1e6), START_MINUTES + math.ceil(MARGIN * seconds / 60)
