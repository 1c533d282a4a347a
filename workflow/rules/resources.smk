# Resource requests: what jobs ask for, by the size of the model and the amount of work.
# Takes the study, and the data and models that are there already.

import math

from premem.jobs.plan import checkpoint_gb, number_of_weights
from premem.jobs.resources import UNKNOWN_MINUTES, gpus_of, grading, memory_mb, minutes, pretraining

GRADED = {"grading": "sampling", "perturbed_grading": "perturbed"}  # what made the answers that are graded


def gpus(kind):
    """Return how many GPUs a job asks for."""
    return gpus_of(STUDY, kind)


def weights_of(model):
    """Return how many weights a model has; 0 as long as nobody knows."""
    return number_of_weights(STUDY.models[model], Path(BASE_MODEL.format(model=model))) or 0


@cache
def _request(kind, model, dataset, size, epochs, checkpoints, there):
    run = Run(model=model, dataset=dataset, lr="", epochs=epochs, size=size, seed=0)
    if answers := GRADED.get(kind):
        return grading(STUDY, answers, run, Path(RESULTS), checkpoints)
    return memory_mb(STUDY, kind, weights_of(model)), minutes(STUDY, kind, run, Path(RESULTS), checkpoints)


def request(kind, w, epochs=None, checkpoints=None):
    """Return the memory (MB) and the time (minutes) that a job asks a cluster for, at its first attempt.

    They are estimated before the data and the model are there, and counted afterwards. Each is worked out once.
    """
    there = tuple(
        Path(path).exists()
        for path in (BASE_MODEL.format(model=w.model), TOKENS.format(model=w.model, dataset=w.dataset, split=TRAIN))
    )
    return _request(kind, w.model, w.dataset, w.size, int(epochs or w.epochs), checkpoints, there)


def mem_mb(kind, **of_job):
    """Return a request for memory, more with every attempt."""
    return lambda wildcards, attempt: attempt * request(kind, wildcards, **of_job)[0]


def runtime(kind, **of_job):
    """Return a request for minutes, more with every attempt."""
    return lambda wildcards, attempt: attempt * request(kind, wildcards, **of_job)[1]


# Slurm gives all jobs of an array what the first one asks for, so every checkpoint asks for what the largest needs.
LARGEST = list({(run.model, run.dataset, run.size): run for run in STUDY.trained_runs}.values())


def largest(requested, kind, checkpoints=1):
    """Return a request for the memory or the time of the largest job of an array."""
    return lambda wildcards, attempt: max(requested(kind, checkpoints=checkpoints)(run, attempt) for run in LARGEST)


def disk_gb(checkpoints=None):
    """Return a request for disk, in whole GB: that of this many checkpoints, or of all checkpoints of a run.

    `--resources disk_gb=N` bounds the sum of all jobs at a time.
    """

    def gb(wildcards):
        number = checkpoints or len(epochs_of_checkpoints(wildcards))
        return math.ceil(number * checkpoint_gb(weights_of(wildcards.model)))

    return gb


def for_pretraining(which):
    """Return a request of a pre-training, more with every attempt: for memory (0) or minutes (1)."""
    return lambda wildcards, attempt: attempt * pretraining(STUDY.models[wildcards.model])[which]


def for_perturbed_grading(requested):
    """Return a request for the memory or the time of grading a run's answers to perturbed prompts."""
    return lambda w, attempt: requested("perturbed_grading", checkpoints=len(perturbed_epochs(w)))(w, attempt)


def for_collecting(writers):
    """Return the requests of jobs that collect examples: those of sampling if a model writes them, else none."""
    if not writers:
        return {"gpu": 0}
    weights = max(weights_of(writer.model) for writer in writers)
    return {
        "gpu": gpus("sampling"),
        "mem_mb": lambda w, attempt: attempt * memory_mb(STUDY, "sampling", weights),
        "runtime": lambda w, attempt: attempt * UNKNOWN_MINUTES,
    }
