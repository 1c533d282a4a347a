"""Targets on the command line that a study does not have: what is wrong with them, and what was probably meant."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from premem.config.block import NAME_PATTERN
from premem.config.runs import Run
from premem.config.study import Study

RUN = re.compile(
    rf"runs/(?P<model>{NAME_PATTERN})/(?P<dataset>{NAME_PATTERN})"
    rf"/lr(?P<lr>[^/_]+)_ep(?P<epochs>\d+)_(?P<size>{NAME_PATTERN})_seed(?P<seed>\d+)(?![^/])"
    r"(/(checkpoints/)?epoch-(?P<epoch>\d+)(?![^/]))?"
)
"""A path below a study's results that belongs to a run, or to one of its checkpoints."""


def missing_run(study: Study, results: Path, target: Path) -> str | None:
    """Say that the study lacks the run, or the checkpoint, that a target belongs to; None if it has it.

    Snakemake would plan a training of any learning rate, size and seed whose path has the right form.

    Args:
        study: the configuration.
        results: the study's folder of results.
        target: path of what is to be made.
    """
    named = RUN.match(str(target.relative_to(results))) if target.is_relative_to(results) else None
    if not named:
        return None
    run = Run.model_validate({name: named[name] for name in Run.model_fields})
    if run not in study.trained_runs:
        hint = did_you_mean(str(run), map(str, study.trained_runs))
        return f"the study has no run {run}; {hint}add it to sweep to train it"
    there = study.checkpoint_epochs(run.epochs)
    if named["epoch"] and int(named["epoch"]) not in there:
        epochs = ", ".join(map(str, there))
        return f"run {run} has no checkpoint after epoch {named['epoch']}; there are {epochs} (see checkpoints.every)"
    return None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the most similar of the known names; nothing if none is similar."""
    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {nearest[0]}? " if nearest else ""
