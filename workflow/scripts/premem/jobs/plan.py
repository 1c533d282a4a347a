"""What a study will take, before anything runs: runs, jobs, tokens, hours and disk, from what is known by then."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from premem.config.data import TRAIN
from premem.config.models import Model
from premem.config.runs import Run
from premem.config.study import Study

LONGEST_HEADER = 100_000_000
"""Bytes that the header of a safetensors file may have, by the library."""
BYTES_PER_WEIGHT = 4
"""Checkpoints hold weights in float32."""
TOKENS_PER_EXAMPLE = 256
"""Prompt and target together, where the examples are not there yet to be counted."""
UTILISATION = {"training": 0.35, "sampling": 0.15, "perplexity": 0.4, "weights": 0.4, "perturbed": 0.15}
"""Share of a GPU's peak that each kind of work is assumed to reach; sampling reads all weights for every few tokens."""
PROCESSOR_TFLOPS = 0.05
"""Speed assumed of a job on a processor, in TFLOP/s; studies without GPUs are small."""


@dataclass(frozen=True)
class Job:
    """A job that would run: its rule, wildcards, and why, as Snakemake says it."""

    rule: str
    wildcards: dict[str, str]
    reason: str


def read_dry_run(text: str) -> list[Job]:
    """Read the jobs of ``snakemake --dry-run``."""
    jobs: list[Job] = []
    for line in text.splitlines():
        name, _, value = line.strip().partition(":")
        if line.startswith(("rule ", "localrule ")):
            jobs.append(Job(line.split()[1].rstrip(":"), {}, ""))
        elif line.startswith("    ") and jobs and name == "reason":
            jobs[-1] = Job(jobs[-1].rule, jobs[-1].wildcards, value.strip())
        elif line.startswith("    ") and jobs and name == "wildcards":
            pairs = (part.partition("=") for part in value.strip().split(", "))
            jobs[-1].wildcards.update({key: text for key, _, text in pairs})
    return jobs


def number_of_weights(model: Model, folder: Path | None = None) -> float | None:
    """Return how many weights a model has: as its entry says, by its recipe, or counted in its folder, else None."""
    if model.parameters:
        return model.parameters
    if recipe := model.pretrain:
        shape = recipe.architecture
        per_layer = 4 * shape.hidden_size**2 + 3 * shape.hidden_size * shape.intermediate_size
        return recipe.tokenizer.vocab_size * shape.hidden_size + shape.layers * per_layer
    folder = Path(model.path).expanduser() if model.path else folder
    return count_weights(folder) if folder else None


def count_weights(folder: Path) -> float | None:
    """Count the weights of a model folder; None if it holds none, or a damaged file (the job that reads it says so)."""
    files = sorted(folder.glob("*.safetensors"))
    try:
        return float(sum(map(_count_numbers, files))) if files else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _count_numbers(file: Path) -> int:
    """Count the numbers in a safetensors file, by its header alone (its format: a length, then JSON)."""
    with file.open("rb") as stream:
        if (length := int.from_bytes(stream.read(8), "little")) > LONGEST_HEADER:
            raise ValueError
        header = json.loads(stream.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def checkpoint_gb(weights: float) -> float:
    """Size of a checkpoint, in GB."""
    return weights * BYTES_PER_WEIGHT / 1e9


@dataclass(frozen=True)
class Work:
    """What a run takes; tokens include those of all checkpoints. Rough where ``assumed``."""

    weights: float | None
    train_examples: int | None
    test_examples: int | None
    """Those of the training set that are held out as well."""
    tokens_per_example: float
    assumed: bool
    checkpoints: int


def work_of(study: Study, run: Run, results: Path) -> Work:
    """Count what is there, and assume the rest."""
    model, source, dataset = study.models[run.model], study.source_dataset(run.dataset), study.dataset(run.dataset)
    tokens = {
        split: results / "tokens" / run.model / (run.dataset if split == TRAIN else source) / f"{split}.parquet"
        for split in (TRAIN, *dataset.test)
    }
    counts = {
        split: _rows(path, path.stat().st_mtime_ns) if path.is_file() else source.num_examples or source.rows
        for (split, path), source in zip(tokens.items(), (dataset.train, *dataset.test.values()), strict=True)
    }
    table = tokens[TRAIN]
    per_example = _tokens_per_example(table, table.stat().st_mtime_ns) if table.is_file() else None
    if run.dataset in study.rounds:
        counts[TRAIN] = study.rounds[run.dataset].num_examples
    tests = [counts[split] for split in dataset.test]
    train = counts[TRAIN]
    subset = study.subset_of(run)
    held_out = 0 if train is None else subset.number_held_out(train)
    return Work(
        weights=number_of_weights(model, results / "models" / run.model),
        train_examples=None if train is None else max(1, subset.number_trained_on(train)),
        test_examples=None if None in tests else sum(number or 0 for number in tests) + held_out,
        tokens_per_example=TOKENS_PER_EXAMPLE if per_example is None else per_example,
        assumed=per_example is None,
        checkpoints=len(study.checkpoint_epochs(run.epochs)),
    )


# A damaged table counts as not known: the job that reads it says so.
@cache  # many runs share a table; the time tells a new one
def _rows(path: Path, modified: int) -> int | None:
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException):
        return None


@cache
def _tokens_per_example(path: Path, modified: int) -> float | None:
    try:
        table = pq.read_table(path, columns=["prompt_ids", "target_ids"])
    except (OSError, pa.ArrowException):
        return None
    return sum(len(column.combine_chunks().flatten()) for column in table.columns) / max(1, len(table))


def tokens_of(study: Study, run: Run, work: Work) -> dict[str, float] | None:
    """Return how many tokens each kind of work takes a run through, all checkpoints together; None if unknown."""
    if work.train_examples is None or work.test_examples is None:
        return None
    prompts = work.train_examples + work.test_examples
    wanted = study.predictors
    examples = min(wanted.gradient_batches * wanted.gradient_batch_size, work.train_examples)
    weights = 0.0
    if "gradient_variance" in wanted.names:
        weights += 3 * work.checkpoints * examples * work.tokens_per_example  # forward and backward
    if "atc" in wanted.names:
        answers = work.checkpoints * prompts * min(wanted.atc_answers, study.sampling.n)
        weights += answers * (work.tokens_per_example + study.sampling.max_new_tokens)
    perturbed = work.train_examples * (1 + len(study.perturbations_of(run.dataset)))  # and unperturbed
    return {
        "training": run.epochs * work.train_examples * work.tokens_per_example,
        "sampling": work.checkpoints * prompts * study.sampling.n * study.sampling.max_new_tokens,
        "perplexity": work.checkpoints * work.train_examples * work.tokens_per_example,
        "weights": weights,  # as many as a forward pass of them takes
        "perturbed": work.checkpoints * perturbed * study.sampling.n * study.sampling.max_new_tokens,
    }


def hours_of(study: Study, work: Work, tokens: dict[str, float]) -> dict[str, float]:
    """Return the hours that each kind of work takes a GPU, or a processor; nan where the model's size is unknown.

    Args:
        study: the configuration.
        work: of a run.
        tokens: of the run, or of a part of its work.
    """
    speed = study.hardware.tflops if study.hardware.gpu else PROCESSOR_TFLOPS
    return {  # 2 operations per weight and token forward, 4 backward
        kind: (6 if kind == "training" else 2)
        * (work.weights or math.nan)
        * tokens[kind]
        / (speed * 1e12 * share)
        / 3600
        for kind, share in UTILISATION.items()
    }


def plan(study: Study, jobs: Sequence[Job], results: Path) -> str:
    """Say what the study will take.

    Args:
        study: the configuration.
        jobs: that would run now.
        results: the study's folder of results.
    """
    works = {run: work_of(study, run, results) for run in study.trained_runs}
    to_train = {run: reason for run in study.trained_runs if (reason := _training_reason(run, jobs)) is not None}
    checkpoints = sum(work.checkpoints for work in works.values())
    kinds: dict[str, int] = {}
    for job in jobs:
        kinds[job.rule] = kinds.get(job.rule, 0) + 1
    lines = [
        ("runs", f"{len(works)}, of which {len(to_train)} train now"),
        ("checkpoints", f"{checkpoints}{_sizes(works.values())}"),
        ("jobs to run", f"{len(jobs)}: {', '.join(f'{number} {rule}' for rule, number in sorted(kinds.items()))}"),
    ]
    if works:
        lines += [*_amounts(study, works), *_disk(study, works)]
    lines += [("trained again", f"{run}: {reason}") for run, reason in to_train.items() if _was_trained(run, results)]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:{width}}  {text}" for name, text in lines)


def _training_reason(run: Run, jobs: Iterable[Job]) -> str | None:
    """Why a run would be trained; None if it would not."""
    for job in jobs:
        if job.rule == f"train_{run.epochs}_epochs" and all(
            job.wildcards.get(name) == str(value) for name, value in run if name != "epochs"
        ):
            return training_reason(job.reason)
    return None


def training_reason(reason: str) -> str:
    """Say in words why a run that has been trained would be trained again, from Snakemake's reason."""
    if any(text in reason.lower() for text in ("params have changed", "updated")):
        return "what it depends on has changed"
    return "its checkpoints were deleted after they had been evaluated, and are needed again"


def _was_trained(run: Run, results: Path) -> bool:
    return (results / "runs" / str(run) / "training.parquet").is_file()


def _sizes(works: Iterable[Work]) -> str:
    sizes = sorted({round(checkpoint_gb(work.weights), 3) for work in works if work.weights})
    return f", {' or '.join(f'{size:g}' for size in sizes)} GB each" if sizes else ""


def _amounts(study: Study, works: dict[Run, Work]) -> list[tuple[str, str]]:
    """Tokens and GPU-hours of the whole study."""
    answers = tokens_trained = tokens_measured = 0.0
    hours = dict.fromkeys(UTILISATION, 0.0)
    for run, work in works.items():
        if (of_run := tokens_of(study, run, work)) is None:
            return [("tokens", f"unknown before the data of {run.dataset} are there: run `snakemake data` first")]
        asked = (run.model, run.dataset) in study.perturbed_pairs and study.predicts_brittleness
        of_run["perturbed"] *= len(study.perturbed_epochs(run.epochs)) / work.checkpoints if asked else 0
        answers += of_run["sampling"] / study.sampling.max_new_tokens
        tokens_trained += of_run["training"]
        tokens_measured += of_run["perplexity"]
        for kind, value in hours_of(study, work, of_run).items():
            hours[kind] += value
    assumed = " (lengths assumed)" if any(work.assumed for work in works.values()) else ""
    lines = [
        ("training", f"{_short(tokens_trained)} tokens{assumed}"),
        ("sampling", f"{_short(answers)} answers, at most {_short(answers * study.sampling.max_new_tokens)} tokens"),
        ("perplexity", f"{_short(tokens_measured)} tokens{assumed}"),
    ]
    if study.hardware.gpu and math.isnan(sum(hours.values())):
        lines.append(("GPU-hours", "unknown: give the models' number of weights as models.….parameters"))
    elif study.hardware.gpu:
        hours = {kind: value for kind, value in hours.items() if value}
        parts = ", ".join(f"{kind} {value:,.1f}" for kind, value in hours.items())
        lines.append(
            (
                "GPU-hours",
                f"about {sum(hours.values()):,.0f} if answers are as long as they may be ({parts}), at "
                + ", ".join(f"{UTILISATION[kind]:.0%}" for kind in hours)
                + f" of {study.hardware.tflops:g} TFLOP/s (assumed)",
            )
        )
    return lines


def _disk(study: Study, works: dict[Run, Work]) -> list[tuple[str, str]]:
    if any(work.weights is None for work in works.values()):
        return [("disk", "unknown: give the models' number of weights as models.….parameters")]
    kept = passing = 0.0
    for run, work in works.items():
        size = checkpoint_gb(work.weights or 0)
        stays = sum(study.checkpoints.keeps(epoch, run.epochs) for epoch in study.checkpoint_epochs(run.epochs))
        kept += stays * size
        passing = max(passing, (work.checkpoints - stays) * size)
    each = f"{math.ceil(passing + 1e-9)}" if passing else ""
    lines = [("disk", f"{kept:,.1f} GB of checkpoints stay")]
    if passing:
        lines.append(
            (
                "",
                f"up to {passing:,.1f} GB more for each run that is trained or evaluated at a time; "
                f"`--resources disk_gb={each}` lets one at a time",
            )
        )
    return lines


def _short(number: float) -> str:
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if number >= size:
            return f"{number / size:.3g} {name}"
    return f"{number:,.0f}"
