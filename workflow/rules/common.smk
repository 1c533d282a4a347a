# The study and its paths: every rule file names files by the patterns below.

import gc
import json
import math
import os
import re
import shlex
import sys
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.jobs import Job
from snakemake.logging import logger

SCRIPTS_FOLDER = Path(workflow.basedir) / "workflow" / "scripts"
SCRIPTS = shlex.quote(str(SCRIPTS_FOLDER))  # for shell commands
sys.path.insert(0, str(SCRIPTS_FOLDER))

from premem.base.errors import UserError
from premem.base.digests import digest_of
from premem.base.utf8 import start_in_utf8
from premem.jobs.lock import claim
from premem.jobs.plan import checkpoint_gb, number_of_weights, training_reason
from premem.jobs.resources import gpus_of, grading, memory_mb, minutes, pretraining
from premem.config.data import Reading, Templates
from premem.config.data import POOL, TRAIN
from premem.config.load import load_study
from premem.config.runs import Run

start_in_utf8("snakemake")

# A large study is millions of small objects that live to the end: looking for garbage among them takes a sixth of the time.
gc.set_threshold(200_000, 50, 100)

try:
    STUDY = load_study(config, ", ".join(map(str, workflow.overwrite_configfiles)) or "config.yaml")
except UserError as error:
    raise WorkflowError(str(error)) from None

for entry in STUDY.absent:
    logger.warning(
        f"local_release: no runs {entry.release.runs}_… there, so {entry.model} on {entry.dataset} is left out"
    )

# Jobs run with the interpreter that runs Snakemake or the one that the study names, or, under --sdm conda, the environment's.
if "conda" in map(str, workflow.deployment_settings.deployment_method):
    PYTHON = TRAIN_PYTHON = SAMPLE_PYTHON = "python"
    VLLM_PYTHON = ""
else:
    PYTHON = shlex.quote(sys.executable)
    TRAIN_PYTHON, SAMPLE_PYTHON = (
        shlex.quote(str(Path(STUDY.hardware.python.get(job, sys.executable)).expanduser()))
        for job in ("train", "sample")
    )
    # Is vLLM there? Asked before a model is trained.
    VLLM_PYTHON = f"--vllm-python {SAMPLE_PYTHON}" if STUDY.sampling.backend == "vllm" else ""

ON_GPUS = f"{PYTHON} {SCRIPTS}/on_gpus.py"  # and how many, before a command: on a plain machine it gets them to itself

# Everything after the preparation rules works offline and keeps quiet; a thread pool of a library does not change with
# the number of cores, since sums would then be rounded differently.
shell.prefix(
    "set -euo pipefail; export HF_HUB_OFFLINE=${{HF_HUB_OFFLINE:-1}} HF_HUB_DISABLE_PROGRESS_BARS=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 "
    "TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONUTF8=1; "
)

RESULTS = f"{Path(STUDY.results).expanduser()}/{STUDY.study}"
DATA = f"{RESULTS}/data/{{dataset}}/{{split}}.parquet"
TOKENS = f"{RESULTS}/tokens/{{model}}/{{dataset}}/{{split}}.parquet"
# Made once all data of a pair are known to be good. What is expensive waits for it, but does not rerun after it (ancient).
CHECKED = f"{RESULTS}/tokens/{{model}}/{{dataset}}/checked.json"
BASE_MODEL = f"{RESULTS}/models/{{model}}"
# Folders count as `ancient`, since their times say nothing of what is in them; a small file that is written with each does:
MODEL_IDENTITY = f"{RESULTS}/models/{{model}}.json"  # checksums of a base model's files
PAIR = f"{RESULTS}/pairs/{{model}}/{{dataset}}"
ONE_RUN = "{model}/{dataset}/lr{lr}_ep{epochs}_{size}_seed{seed}"
RUN = f"{RESULTS}/runs/{ONE_RUN}"
TRAINING_LOG = f"{RUN}/training.parquet"
CHECKPOINT = f"{RUN}/checkpoints/epoch-{{epoch}}"  # an input together with the training log
SAMPLES = f"{RUN}/epoch-{{epoch}}/samples.parquet"
LAST_TEST_SAMPLES = f"{RUN}/last_test_samples.parquet"
GRADES = f"{RUN}/grades.parquet"
MEMORIZATION = f"{RUN}/memorization.parquet"
TESTS = f"{RUN}/test_accuracy.parquet"
POINTS = f"{RUN}/points.parquet"
PAIR_MEMORIZATION = f"{PAIR}/memorization.parquet"
PAIR_TESTS = f"{PAIR}/test_accuracy.parquet"
REGRESSION = f"{PAIR}/regression.csv"
FIGURE = f"{PAIR}/figures/{{figure}}.{{format}}"


def one_of(names):
    """A regular expression that matches these names and no other."""
    return "|".join(map(re.escape, names)) or "(?!)"


IMPORTED_MODELS = [model for model, dataset in STUDY.imported]


wildcard_constraints:
    model=one_of([*STUDY.models, *IMPORTED_MODELS]),
    dataset=one_of([*STUDY.datasets, *STUDY.rounds, *(dataset for model, dataset in STUDY.imported)]),
    split=one_of({TRAIN, *(name for dataset in STUDY.datasets.values() for name in dataset.test)}),
    lr=r"\d(\.\d+)?e-?\d+",
    epochs=r"\d+",
    size=one_of(STUDY.sizes),
    seed=r"\d+",
    epoch=r"\d+",


# --- what the study asks for: paths of a pattern for all pairs, runs or checkpoints ---


def expand_pairs(pattern, pairs=STUDY.pairs, **more):
    """The pattern for every (model, dataset); a further wildcard takes the values that its function gives for the pair."""
    return [
        path
        for pair in pairs
        for path in expand(
            pattern, model=pair[0], dataset=pair[1], **{name: values(pair) for name, values in more.items()}
        )
    ]


def expand_runs(pattern, runs=STUDY.trained_runs):
    """The pattern for every run."""
    return [pattern.format(**dict(run)) for run in runs]


def expand_checkpoints(pattern, runs=STUDY.trained_runs):
    """The pattern for every checkpoint of every run."""
    return [pattern.format(**dict(run), epoch=epoch) for run in runs for epoch in STUDY.checkpoint_epochs(run.epochs)]


# What each further analysis ends in; its rule file adds it.
TARGETS = {}


def tell_left_out(analysis, left_out, paths):
    """An input function of these paths that says, where someone asks for the analysis, which pairs are left out."""
    untold = [*left_out]

    def target(_):
        while untold:
            logger.warning(f"{analysis}: {untold.pop(0)}; left out")
        return paths

    return target


def splits_of(pair):
    return [TRAIN, *STUDY.datasets[pair[1]].test]


def fill(pattern, **values):
    """The pattern with some wildcards filled in."""
    return expand(pattern, **values, allow_missing=True)[0]


# --- input functions ---


def of_run(pattern):
    """The pattern at every checkpoint of the run that the wildcards name."""

    def paths(wildcards):
        epochs = STUDY.checkpoint_epochs(int(wildcards.epochs))
        return [pattern.format(**{**wildcards, "epoch": epoch}) for epoch in epochs]

    return paths


def of_pair(pattern):
    """The pattern for every run of the pair that the wildcards name."""
    return lambda wildcards: expand_runs(pattern, STUDY.runs_of(wildcards.model, wildcards.dataset))


def of_source_pair(pattern):
    """The pattern for the pair whose p counts for a run: its own, or the one that its round of curation belongs to."""
    return lambda w: expand(pattern, model=w.model, dataset=STUDY.source_dataset(w.dataset))


@cache  # every checkpoint of a pair asks for the same
def _of_splits(pattern, model, dataset, splits):
    # What a round of curation makes is a training set; its test sets are those of the dataset that it belongs to.
    sources = {split: dataset if split == TRAIN else STUDY.source_dataset(dataset) for split in splits}
    return [path for split, source in sources.items() for path in expand(pattern, model=model, dataset=source, split=split)]


def all_splits(pattern):
    """The pattern for the training set and every test set of the dataset that the wildcards name."""
    return lambda w: _of_splits(pattern, w.get("model"), w.dataset, (TRAIN, *STUDY.dataset(w.dataset).test))


def test_splits(pattern):
    """The pattern for every test set of the dataset that the wildcards name, the study's own first."""
    return lambda w: _of_splits(pattern, w.get("model"), w.dataset, tuple(STUDY.dataset(w.dataset).test))


def folder_of_model(model):
    """The folder of a base model: the user's own, or the one that a rule makes."""
    own = STUDY.models[model].path
    return str(Path(own).expanduser()) if own else BASE_MODEL.format(model=model)


def base_model(wildcards):
    """The folder of the base model that the wildcards name."""
    return folder_of_model(wildcards.model)


# --- params: what a result depends on, and nothing else ---


@cache
def code(script):
    """A digest of the code that a script uses; as a param, it makes an edit rerun exactly the rules concerned."""
    return digest_of(SCRIPTS_FOLDER / script)


def settings(block, kind=None):
    """A block of the study as JSON, for the command line; of a dataset, the part that this kind of block describes."""
    return block.model_dump_json(include=set((kind or type(block)).model_fields))


# Not params: hardware is not what a result depends on.
TRAIN_HARDWARE, SAMPLE_HARDWARE, PERPLEXITY_HARDWARE = (
    shlex.quote(settings(block)) for block in (STUDY.hardware.train, STUDY.hardware.sample, STUDY.hardware.perplexity)
)


def gpus(kind):
    """The GPUs that a job asks for, or none."""
    return gpus_of(STUDY, kind)


def weights_of(model):
    """How many weights a model has; 0 as long as nobody knows."""
    return number_of_weights(STUDY.models[model], Path(BASE_MODEL.format(model=model))) or 0


# What made the answers that are graded.
GRADED = {"grading": "sampling", "perturbed_grading": "perturbed"}


# Data and models that are not there yet are estimated, and counted once they are: `there` says which is remembered.
@cache
def _asked(kind, model, dataset, size, epochs, checkpoints, there):
    run = Run(model=model, dataset=dataset, lr="", epochs=epochs, size=size, seed=0)
    if answers := GRADED.get(kind):
        return grading(STUDY, answers, run, Path(RESULTS), checkpoints)
    return memory_mb(STUDY, kind, weights_of(model)), minutes(STUDY, kind, run, Path(RESULTS), checkpoints)


def asked(kind, w, epochs=None, checkpoints=None):
    """Memory (MB) and time (minutes) that a job asks a cluster for, at its first attempt."""
    there = tuple(
        Path(path).exists()
        for path in (BASE_MODEL.format(model=w.model), TOKENS.format(model=w.model, dataset=w.dataset, split=TRAIN))
    )
    return _asked(kind, w.model, w.dataset, w.size, int(epochs or w.epochs), checkpoints, there)


# Jobs of an array share what its first job asks for, so every checkpoint asks for what the largest of the study needs.
LARGEST = list({(run.model, run.dataset, run.size): run for run in STUDY.trained_runs}.values())


def mem_mb(kind, **of_job):
    """Memory, more with every attempt."""
    return lambda wildcards, attempt: attempt * asked(kind, wildcards, **of_job)[0]


def runtime(kind, **of_job):
    """Minutes, more with every attempt."""
    return lambda wildcards, attempt: attempt * asked(kind, wildcards, **of_job)[1]


def largest(request, kind, checkpoints=1):
    """The memory or time that every job of an array asks for."""
    return lambda wildcards, attempt: max(request(kind, checkpoints=checkpoints)(run, attempt) for run in LARGEST)


def asks_for_runtime(rule):
    """Whether the rule itself does, by a function of the attempt; a profile may ask for the same time for all rules."""
    asked, default = (
        of.get("runtime") for of in (rule.resources, workflow.resource_settings._parsed_default_resources)
    )
    return asked != default


def disk_gb(checkpoints):
    """The disk that this many checkpoints take, in whole GB, which `--resources disk_gb=N` bounds at any time."""

    return lambda wildcards: math.ceil(checkpoints * checkpoint_gb(weights_of(wildcards.model)))


def dataset_settings(kind):
    return lambda wildcards: settings(STUDY.dataset(wildcards.dataset), kind)


def source_of(split=None):
    """Where a split of the dataset comes from; the split that the wildcards name, if none is given."""

    def source(wildcards):
        dataset = STUDY.datasets[wildcards.dataset]
        name = split or wildcards.split
        return dataset.train if name == TRAIN else dataset.test[name]

    return source


def study_test_set(wildcards):
    """The test set that is predicted."""
    return STUDY.predicted_test_set(wildcards.model, wildcards.dataset)


def size_of(wildcards):
    return STUDY.sizes[wildcards.size]


def epochs_of_checkpoints(wildcards):
    return STUDY.checkpoint_epochs(int(wildcards.epochs))


# --- before the first job, and after a failure ---


def claim_results():
    """Let no other Snakemake work on these results."""
    try:
        claim(Path(RESULTS))
    except UserError as error:
        raise WorkflowError(str(error)) from None


def lift_default_rate():
    """Do without the limit of 100 jobs per second that Snakemake sets itself; a user's own stays.

    It holds nothing back, but Snakemake (9.27) wakes up once a second to see whether it does, and once a second more for every job
    that has ended: a long study would keep a core busy.
    """
    rate = workflow.scheduling_settings.max_jobs_per_timespan
    if rate and (rate.max_jobs, rate.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def announce_retraining():
    """Say which finished runs train again, before they do."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name.startswith("train_") and Path(job.output.log).exists():
            why = training_reason(str(workflow.dag.reason(job)))
            logger.warning(f"trains again: {ONE_RUN.format(**job.wildcards_dict, epochs=job.params.epochs)}: {why}")


def refuse_lost_arrays():
    """Refuse what would wait for ever: the Slurm plugin loses an array where a limit holds back some of its jobs."""
    arrays = getattr(workflow.executor_settings, "array_jobs", None) or "none"
    if arrays == "none":
        return
    in_arrays = [job for job in workflow.dag.needrun_jobs() if arrays == "all" or job.rule.name in arrays]
    limits = [f"--resources {name}" for name in workflow.global_resources if not name.startswith("_")]
    submitted = sum(not job.is_local for job in workflow.dag.needrun_jobs())
    if workflow.resource_settings.nodes < submitted:
        limits.append(f"--jobs {workflow.resource_settings.nodes} (of {submitted})")
    rate = workflow.scheduler.job_rate_limiter
    if rate and rate.max_jobs < len(in_arrays):
        limits.append(f"--max-jobs-per-timespan {rate.max_jobs}/{rate.timespan:g}s")
    if in_arrays and limits:
        raise WorkflowError(
            f"{', '.join(limits)}: a limit and job arrays do not go together; add --slurm-array-jobs none, or raise it"
        )


def leave_first_of_array_alone():
    """Around every job of an array the Slurm plugin (2.8.0) runs a process that then looks for the files of the array's first job.

    A later job would fail if the first one took longer. Its own files are looked after by the process within.
    """
    task, first = (int(os.environ.get(f"SLURM_ARRAY_TASK_{which}", 0)) for which in ("ID", "MIN"))
    if task > first and getattr(workflow.executor_settings, "array_execs", ""):

        async def do_nothing(job, *args, **kwargs):
            pass

        Job.postprocess = do_nothing


def remember_failures():
    """What failed is to be done again, also where an older result is still there, which Snakemake would take for a new one."""
    for job in workflow.scheduler.failed:
        workflow.persistence.started(job)


def show_failures(lines=15):
    """Say at the end which jobs failed in all their attempts, with the last lines of each one's own log."""
    for job in sorted(workflow.scheduler.failed, key=lambda job: job.jobid):
        wildcards = ", ".join(f"{name}={value}" for name, value in job.wildcards_dict.items())
        logger.error(f"\n{job.rule.name} failed{wildcards and ': '}{wildcards}")
        for log in map(Path, job.log):
            said = log.read_text(errors="replace").splitlines() if log.is_file() else []
            logger.error(
                f"  {log}, its last lines:" if said else f"  {log} is empty: it was ended before it said anything"
            )
            logger.error("\n".join(f"  | {line}" for line in said[-lines:]))
