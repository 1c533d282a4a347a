"""What an edit makes stale, as docs/what-reruns.md says it: a dry run after a finished study of two pairs tells.

Each edit is named as its row in that table.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from calls import run_study
from premem.jobs.plan import Job, read_dry_run

PLOTS = {"plot_prediction", "plot_training_curves", "plot_threshold", "plot_learning_progress"}
REGRESSED = {"regress", "forecast", "summarize"} | PLOTS
CALIBRATED = {"calibrate", "choose_threshold", "fix_these"} | REGRESSED
SCORED = {"score_run", "gather_runs"} | CALIBRATED
GRADED = {"grade_samples", "compare_graders"} | SCORED
SAMPLED = {"sample_checkpoint"} | GRADED
TRAINED = {"train", "measure_perplexity"} | SAMPLED
SETTLED = {"settle_training"} | TRAINED
TOKENIZED = {"tokenize_data", "check_fit"} | TRAINED
TESTED = ({"prepare_data", "check_data"} | TOKENIZED) - {"train", "measure_perplexity"}
PAIR_ONLY = {"gather_runs", "compare_graders"} | CALIBRATED

TINY, OWN = "tiny/arithmetic", "own/mine"
FULL, SLOW, HALF = (f"{TINY}/{run}" for run in ("lr1e-2_ep4_full", "lr1e-3_ep4_full", "lr1e-2_ep2_half"))
MINE = f"{OWN}/lr1e-2_ep1_full"
ALL = {FULL, SLOW, HALF, MINE}
HARDWARE = {
    "gpu": True,
    "tflops": 100,
    "train": {
        "processes": 2,
        "strategy": "fsdp",
        "examples_per_process": 2,
        "activation_checkpointing": True,
        "save_state_every": 5,
    },
    "sample": {"batch": 16, "shards": 2, "tensor_parallel": 2, "memory_share": 0.5, "max_length": 200},
    "perplexity": {"processes": 2, "batch": 9},
    "python": {"train": sys.executable, "sample": sys.executable},
}

Study = dict[str, Any]


@dataclass
class Edit:
    """An edit, and what it should make stale."""

    named: str
    """Its row in the table."""
    make: Callable[[Study, Path], object]
    """Changes the study, or files of the checkout."""
    rules: set[str] = field(default_factory=set)
    """That run again; `train` stands for training of any number of epochs."""
    runs: set[str] = field(default_factory=set)
    """Whose jobs are among them."""
    pairs: set[str] | None = None
    """Whose jobs are among them; those of the runs if left out."""


def put(key: str, value: object) -> Callable[[Study, Path], object]:
    """An edit of one key, such as `sampling.n`."""

    def make(study: Study, checkout: Path) -> None:
        *parts, last = key.split(".")
        block = study
        for part in parts:
            block = block.setdefault(part, {})
        block[last] = value

    return make


def both(*edits: Callable[[Study, Path], object]) -> Callable[[Study, Path], object]:
    return lambda study, checkout: [edit(study, checkout) for edit in edits]


def replace(file: str, old: str, new: str) -> Callable[[Study, Path], object]:
    """An edit of a file of the checkout."""

    def make(study: Study, checkout: Path) -> None:
        path = checkout / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return make


def touch_everything(study: Study, checkout: Path) -> None:
    for i, path in enumerate(sorted(checkout.rglob("*"), reverse=True)):  # what is deeper is made earlier
        if ".snakemake/" not in str(path.relative_to(checkout)):
            os.utime(path, (2_000_000_000 + i, 2_000_000_000 + i), follow_symlinks=False)


def turned(value: object, key: str = "") -> object:
    """The value with all its keys in another order, but for test sets, whose order counts."""
    if not isinstance(value, dict):
        return value
    keys = list(value) if key == "test" else reversed(value)
    return {key: turned(value[key], key) for key in keys}


def reorder_keys(study: Study, checkout: Path) -> None:
    study.update(turned({key: study.pop(key) for key in list(study)}))


def reorder_test_sets(study: Study, checkout: Path) -> None:
    dataset = study["datasets"]["arithmetic"]
    dataset["test"] = dict(reversed(dataset["test"].items()))


PACKAGE = "workflow/scripts/premem"
EDITS = [
    Edit(
        "a learning rate (a number of epochs, a seed) added to the sweep",
        lambda study, _: study["sweep"][1].update(lr=[1e-2, 3e-3]),
        TRAINED,
        {f"{TINY}/lr3e-3_ep2_half"},
    ),
    Edit(
        "a learning rate (a number of epochs, a seed) added to the sweep",
        lambda study, _: study["sweep"][1].update(epochs=[2, 3]),
        SETTLED,
        {f"{TINY}/lr1e-2_ep3_half"},
    ),
    Edit(
        "a learning rate (a number of epochs, a seed) added to the sweep",
        lambda study, _: study["sweep"][1].update(seed=[0, 1]),
        TRAINED,
        {HALF},
    ),
    Edit("a run removed", lambda study, _: study["sweep"][0].update(lr=1e-2), PAIR_ONLY, pairs={TINY}),
    Edit(
        "a size added, with runs of it",
        both(
            put("sizes.quarter", 0.25),
            lambda study, _: study["sweep"].append({**study["sweep"][1], "size": "quarter"}),
        ),
        SETTLED,
        {f"{TINY}/lr1e-2_ep2_quarter"},
    ),
    Edit("a value of `sizes`", put("sizes.half", 0.75), SETTLED, {HALF}),
    Edit("`checkpoints.every`, `at_most`", put("checkpoints.every", 1), SETTLED, {FULL, SLOW, HALF}),
    Edit("`checkpoints.every`, `at_most`", put("checkpoints.at_most", 1), SETTLED, {FULL, SLOW}),
    Edit("`checkpoints.sample_together`", put("checkpoints.sample_together", True), SAMPLED, {FULL, SLOW}),
    Edit("`sampling.n`, `temperature`, `top_p`, `seed`", put("sampling.n", 3), SAMPLED, ALL),
    Edit("`sampling.n`, `temperature`, `top_p`, `seed`", put("sampling.temperature", 0.7), SAMPLED, ALL),
    Edit("`sampling.n`, `temperature`, `top_p`, `seed`", put("sampling.top_p", 0.9), SAMPLED, ALL),
    Edit("`sampling.n`, `temperature`, `top_p`, `seed`", put("sampling.seed", 3), SAMPLED, ALL),
    Edit("`sampling.backend`", put("sampling.backend", "vllm"), SAMPLED, ALL),
    Edit("`sampling.max_new_tokens`", put("sampling.max_new_tokens", 39), {"check_fit"} | SAMPLED, ALL),
    Edit("`sampling.dtype`", put("sampling.dtype", "bfloat16"), {"measure_perplexity"} | SAMPLED, ALL),
    Edit("`grading.grader`", put("grading.grader", "lenient"), SCORED, ALL),
    Edit("`grading.time_limit`", put("grading.time_limit", 5.0), GRADED, ALL),
    Edit("`threshold.grid`, `threshold.value`", put("threshold.grid", {"points": 200}), CALIBRATED, pairs={TINY, OWN}),
    Edit("`threshold.grid`, `threshold.value`", put("threshold.value", 1.5), CALIBRATED, pairs={TINY, OWN}),
    Edit("`statistics`", put("statistics.resamples", 100), REGRESSED, pairs={TINY, OWN}),
    Edit("`figures`", put("figures.width", 6), PLOTS | {"summarize"}, pairs={TINY, OWN}),
    Edit(
        "how one figure is drawn",
        replace("workflow/scripts/plot_threshold.py", "save(plot", "print();save(plot"),
        {"plot_threshold", "summarize"},
        pairs={TINY, OWN},
    ),
    Edit("`training`: weight decay, warm-up, …", put("training.weight_decay", 0.1), SETTLED, ALL),
    Edit("`training`: weight decay, warm-up, …", put("training.warmup_steps", 8), SETTLED, ALL),
    Edit(
        "two edits at once: what is refused earlier (`max_new_tokens`) and what is trained",
        both(put("sampling.max_new_tokens", 39), put("training.weight_decay", 0.1)),
        {"check_fit"} | SETTLED,
        ALL,
    ),
    Edit("a template of one dataset", put("datasets.mine.prompt", "{question} so :"), TOKENIZED, {MINE}),
    *(
        Edit(
            "a dataset's `columns`, `answers`, `bad_examples`, `seed`",
            put(f"datasets.mine.{key}", value),
            {"prepare_data", "check_data"} | TOKENIZED,
            {MINE},
        )
        for key, value in {
            "columns": {"asked": "question"},
            "answers": "math",
            "bad_examples": "drop",
            "seed": 1,
        }.items()
    ),
    Edit("a dataset's `holdout`", put("datasets.mine.holdout", 2), TRAINED, {MINE}),
    Edit(
        "a dataset's `shared_questions`",
        put("datasets.mine.shared_questions", "error"),
        {"check_fit"} | SAMPLED,
        {MINE},
    ),
    Edit("the source of a test set", put("datasets.mine.test.test.num_examples", 3), TESTED, {MINE}),
    Edit("`rows` of a source, `parameters` of a model", put("datasets.mine.train.rows", 9)),
    Edit("`rows` of a source, `parameters` of a model", put("models.own.parameters", 1e6)),
    Edit(
        "`analyses`: one more",
        put("analyses", ["scrutiny"]),
        {"scrutinize", "plot_scrutiny"},
        pairs={TINY, OWN},
    ),
    Edit("`predictors`, `difficulty` of a dataset", put("predictors.seed", 1)),
    Edit("`predictors`, `difficulty` of a dataset", put("datasets.mine.difficulty", "lines")),
    Edit(
        "a test set added",
        put("datasets.arithmetic.test.harder", {"generate": "arithmetic", "steps": {2: 1}, "num_examples": 8}),
        {"prepare_data", "check_data", "tokenize_data", "check_fit"} | SAMPLED,
        {FULL, SLOW, HALF},
    ),
    Edit("the order of test sets, of which the first is predicted", reorder_test_sets, CALIBRATED, pairs={TINY}),
    Edit(
        "a file of training data edited",
        replace("mine/train.jsonl", "1 + 1", "1 + 2"),
        {"prepare_data", "check_data"} | TOKENIZED,
        {MINE},
    ),
    Edit(
        "a file of test data edited",
        replace("mine/test.jsonl", "1 + 1", "1 + 2"),
        TESTED,
        {MINE},
    ),
    Edit(
        "a file of a model folder of your own edited",
        replace("own/config.json", "{", "{ "),
        {"identify_model"} | TOKENIZED,
        {MINE},
    ),
    Edit(
        "`models.….pretrain`",
        put("models.tiny.pretrain.lr", 1e-3),
        {"settle_pretraining", "pretrain_model"} | TOKENIZED,
        {FULL, SLOW, HALF},
    ),
    Edit("a comment or the order of keys in the study file, but for test sets", reorder_keys),
    Edit(
        "`hardware`, cores, profile, `checkpoints.keep`",
        put("hardware", HARDWARE),
    ),
    Edit("`hardware`, cores, profile, `checkpoints.keep`", put("checkpoints.keep", "none")),
    Edit("every file touched; a fresh `git clone` with the results and `.snakemake/` of the old one", touch_everything),
    Edit(
        "a comment, a docstring or the layout of code",
        both(
            replace(f"{PACKAGE}/lm/training.py", "def fine_tune(", "# as in the paper\ndef fine_tune("),
            replace("workflow/scripts/sample.py", '"""', '"""Here and now: '),
        ),
    ),
    Edit(
        "a function of the package: the rules that use it, directly or not",
        replace(f"{PACKAGE}/scoring/memorization.py", 'agg(accuracy="mean"', 'agg(accuracy="median"'),
        SCORED,
        ALL,
    ),
    Edit(
        "a function of the package: the rules that use it, directly or not",
        replace(f"{PACKAGE}/lm/perplexity.py", "token_nll.double()", "token_nll.float()"),
        {"measure_perplexity"} | SCORED,
        ALL,
    ),
    Edit(
        "a rule's own shell command, in `workflow/rules/`",
        replace("workflow/rules/regress.smk", "--ols {output.ols:q}", "--ols  {output.ols:q}"),
    ),
    Edit(
        "what only reports: progress, messages, provenance",
        replace(f"{PACKAGE}/base/provenance.py", '"sha256":', '"sha":'),
    ),
    Edit(
        "`.snakemake/` lost, or the results moved without it; then any edit of settings or code",
        both(lambda _, checkout: shutil.rmtree(checkout / ".snakemake"), put("training.weight_decay", 0.1)),
    ),
    Edit(
        "a package upgraded (`pyproject.toml`, `envs/`)",
        replace("envs/train.yaml", "torch==", "torch>="),
    ),
]


@pytest.fixture(scope="module")
def two_pairs(finished, tmp_path_factory) -> Path:
    """The finished tiny study in a checkout of its own, next to a model and data of the user's own."""
    checkout = shutil.copytree(finished, tmp_path_factory.mktemp("reruns") / "checkout")
    shutil.copytree(checkout / "results" / "tiny" / "models" / "tiny", checkout / "own")
    (checkout / "mine").mkdir()
    for name, numbers in (("train", range(1, 9)), ("test", range(9, 13))):
        rows = [{"question": f"1 + {i} ?", "solution": f"#### {i + 1}"} for i in numbers]
        rows.append({"question": f"{name} 1 + 1 ?", "solution": "#### 2"})
        (checkout / "mine" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    study = yaml.safe_load((checkout / "config" / "tiny.yaml").read_text())
    study["models"]["own"] = {"path": "own"}
    study["datasets"]["mine"] = {
        "train": {"files": ["mine/train.jsonl"]},
        "test": {"test": {"files": ["mine/test.jsonl"]}},
        "shared_questions": "count",
        "answers": "gsm8k",
        **{"prompt": "{question} Answer :", "target": " {solution} Done", "stop": " Done"},
    }
    study["sweep"].append({"model": "own", "dataset": "mine", "lr": 1e-2, "epochs": 1, "size": "full"})
    (checkout / "study.yaml").write_text(yaml.safe_dump(study))
    run_study(checkout, "--configfile", "study.yaml")
    return checkout


def would_run(checkout: Path, *arguments: object) -> list[Job]:
    said = run_study(checkout, "--dry-run", "--configfile", "study.yaml", *arguments)
    return [job for job in read_dry_run(said) if job.rule != "all"]


def rules_of(jobs: list[Job]) -> set[str]:
    """Their rules, without the number of epochs that some are for."""
    names = {"train": "train", "sample": "sample_checkpoint"}
    return {re.sub(r"^(train|sample)_\d+_epochs$", lambda match: names[match[1]], job.rule) for job in jobs}


def run_of(job: Job) -> str | None:
    """The run that a job is of; its seed is always 0."""
    w = job.wildcards
    epochs = w.get("epochs") or re.sub(r"\D", "", job.rule)
    return f"{w['model']}/{w['dataset']}/lr{w['lr']}_ep{epochs}_{w['size']}" if "lr" in w else None


def pair_of(job: Job) -> str | None:
    w = job.wildcards
    return f"{w['model']}/{w['dataset']}" if {"model", "dataset"} <= w.keys() else None


@pytest.fixture(scope="module")
def after_edits(two_pairs, tmp_path_factory, request) -> Iterator[dict[int, Future[list[Job]]]]:
    """The jobs that would run after each edit; two are looked at at a time."""

    def look(edit: Edit) -> list[Job]:
        checkout = shutil.copytree(two_pairs, tmp_path_factory.mktemp("edit") / "checkout")
        study = yaml.safe_load((checkout / "study.yaml").read_text())
        edit.make(study, checkout)
        (checkout / "study.yaml").write_text("# edited\n" + yaml.safe_dump(study, sort_keys=False))
        jobs = would_run(checkout)
        shutil.rmtree(checkout)
        return jobs

    cases = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(2) as pool:
        yield {id(case["edit"]): pool.submit(look, case["edit"]) for case in cases if case.get("edit") in EDITS}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.named)
def test_an_edit_reruns_exactly_what_is_stale(after_edits, edit):
    jobs = after_edits[id(edit)].result()
    assert rules_of(jobs) == edit.rules
    assert {run for job in jobs if (run := run_of(job))} == edit.runs
    pairs = edit.pairs if edit.pairs is not None else {run.rpartition("/")[0] for run in edit.runs}
    assert {pair for job in jobs if (pair := pair_of(job))} == pairs


@pytest.mark.parametrize("arguments", [["--cores", "1"], ["--profile", "profiles/slurm"]])
def test_another_machine_reruns_nothing(two_pairs, arguments):
    assert would_run(two_pairs, *arguments) == []


def test_every_row_of_the_table_is_tested(root):
    rows = (root / "docs" / "what-reruns.md").read_text().split("| --- | --- |\n")[1].split("\n\n")[0].splitlines()
    assert {row.split(" | ")[0].removeprefix("| ") for row in rows} == {edit.named for edit in EDITS}


CURVE = "runs/tiny/arithmetic/lr1e-2_ep2_half_seed0/figures/training_curve.png"
SAMPLES = "runs/tiny/arithmetic/lr1e-2_ep4_full_seed0/epoch-2/samples.parquet"
TRAINING = {"prepare_data", "tokenize_data", "check_fit", "settle_training", "train"}
PRETRAINING = {"check_data", "settle_pretraining", "pretrain_model"}
SCORING = {"measure_perplexity", "sample_checkpoint", "grade_samples", "score_run"}
CALIBRATION = {"gather_runs", "calibrate", "choose_threshold"}


@pytest.mark.parametrize(
    ("target", "made_by", "from_nothing", "runs", "checkpoints"),
    [
        pytest.param(  # p comes from all runs of the pair
            CURVE,
            {"place_points", "plot_training_curve"},
            PRETRAINING | TRAINING | SCORING | CALIBRATION,
            {FULL, SLOW, HALF},
            5,
            id="a run's curve",
        ),
        pytest.param(
            "pairs/own/mine/figures/prediction.png",
            {"regress", "forecast", "plot_prediction"},
            {"identify_model"} | TRAINING | SCORING | CALIBRATION,
            {MINE},
            1,
            id="a figure",
        ),
        pytest.param(
            "pairs/own/mine/regression.csv",
            {"regress"},
            {"identify_model"} | TRAINING | SCORING | CALIBRATION,
            {MINE},
            1,
            id="a regression",
        ),
        pytest.param(SAMPLES, {"sample_checkpoint"}, PRETRAINING | TRAINING, {FULL}, 1, id="a checkpoint's samples"),
    ],
)
def test_a_target_runs_only_what_it_needs(two_pairs, tmp_path, target, made_by, from_nothing, runs, checkpoints):
    jobs = would_run(two_pairs, "--config", f"results={tmp_path}", "--", tmp_path / "tiny" / target)
    assert rules_of(jobs) == from_nothing | made_by
    assert {run for job in jobs if (run := run_of(job))} == runs
    assert sum(job.rule == "sample_checkpoint" for job in jobs) == checkpoints

    finished = f"results/tiny/{target}"  # a run's own curve is made on demand only
    assert rules_of(would_run(two_pairs, "--", finished)) == (made_by if target == CURVE else set())
    expected = set() if target == SAMPLES else {"score_run"} | CALIBRATION | made_by
    assert rules_of(would_run(two_pairs, "--config", "grading={grader: lenient}", "--", finished)) == expected


def test_a_study_edited_runs_the_difference_and_old_results_stay(two_pairs, tmp_path):
    checkout = shutil.copytree(two_pairs, tmp_path / "checkout")
    study = yaml.safe_load((checkout / "study.yaml").read_text())
    study["sweep"][0]["lr"] = 1e-2
    (checkout / "less.yaml").write_text(yaml.safe_dump(study))
    slow = checkout / "results" / "tiny" / "runs" / f"{SLOW}_seed0"

    listed = re.findall(r"MB  (\S+)", run_study(checkout, "unused", "--configfile", "less.yaml"))
    assert {path.split("/")[2] for path in listed} == {"runs", "logs", "benchmarks"}
    assert all(f"{SLOW}_seed0" in path for path in listed)
    assert "the study mentions all results" in run_study(checkout, "unused", "--configfile", "study.yaml")
    assert slow.is_dir()

    # The run comes back by an override on the command line, and nothing has to run again.
    back = yaml.safe_dump([*study["sweep"][1:], {**study["sweep"][0], "lr": ["1e-2", "1e-3"]}], default_flow_style=True)
    run_study(checkout, "--configfile", "less.yaml")
    said = run_study(
        checkout, "--dry-run", "--configfile", "less.yaml", "--config", f"sweep={back.strip()}", "--", "scores"
    )
    assert {job.rule for job in read_dry_run(said)} <= {"scores"}

    run_study(checkout, "remove_unused", "--configfile", "less.yaml")
    assert not list((checkout / "results").rglob(f"{slow.name}*"))
    assert "the study mentions all results" in run_study(checkout, "unused", "--configfile", "less.yaml")
    assert (slow.parent / "lr1e-2_ep4_full_seed0" / "memorization.parquet").is_file()


def test_a_result_says_what_made_it_and_why_it_is_stale(two_pairs, tmp_path):
    def explain(study_file: str, *more: str, checkout: Path = two_pairs) -> str:
        command = [sys.executable, "workflow/scripts/explain.py", "--file", file, "--study-file", study_file, *more]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    file = "results/tiny/pairs/tiny/arithmetic/points.csv"
    said = explain("study.yaml")
    assert said.endswith("up to date\n")
    for text in ("made by", "regress.py", "python 3.", "statsmodels", "device", "settings.temperature", "0.01"):
        assert text in said
    assert re.search(r"arithmetic/train.parquet +sha256 [0-9a-f]{12}", said)
    assert re.search(r"model tiny +.*model.safetensors [0-9a-f]{12}", said)
    study = yaml.safe_load((two_pairs / "study.yaml").read_text())
    study["training"]["warmup_steps"] = 40
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    assert "settle_training (epochs=4, size=full): warmup_steps 4 → 40\n" in explain(str(tmp_path / "study.yaml"))
    said = explain("study.yaml", "--config", "training={warmup_steps: 40}", "sizes={half: 0.75}")
    assert "settle_training (epochs=2, size=half): warmup_steps 4 → 40; 0.5 → 0.75\n" in said
    moved = shutil.copytree(two_pairs, tmp_path / "moved", ignore=shutil.ignore_patterns(".snakemake"))
    assert "up to date\nbut edits do not show" in explain("study.yaml", checkout=moved)


def test_runs_that_would_train_again_are_named_before_they_do(two_pairs, tmp_path):
    checkout = shutil.copytree(two_pairs, tmp_path / "checkout")
    shutil.rmtree(checkout / "results" / "tiny" / "runs" / f"{MINE}_seed0" / "checkpoints")
    planned = ("plan", "--configfile", "study.yaml")
    assert "trained again" not in run_study(checkout, *planned)
    why = f"trained again  {MINE}_seed0: its checkpoints were deleted"
    assert why in run_study(checkout, *planned, "--config", "analyses=[predictors]")
    said = run_study(
        checkout,
        "--configfile",
        "study.yaml",
        "--config",
        "sampling={n: 3}",
        "--",
        f"results/tiny/runs/{MINE}_seed0/epoch-1/samples.parquet",
    )
    assert f"trains again: {MINE}_seed0: its checkpoints were deleted" in said
    assert said.index("trains again") < said.index("rule train_1_epochs")


def test_the_number_of_cores_does_not_change_a_table(finished, tmp_path):
    other = shutil.copytree(finished, tmp_path / "checkout", ignore=shutil.ignore_patterns("results", ".snakemake"))
    run_study(other, "--cores", "1", "--configfile", "config/tiny.yaml")

    def checksums(checkout: Path) -> dict[str, str]:
        results = checkout / "results" / "tiny"
        files = [path for path in results.rglob("*") if path.suffix in {".parquet", ".csv", ".safetensors", ".md"}]
        return {str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    one, two = checksums(other), checksums(finished)
    assert len(one) > 30
    assert one == {path: two[path] for path in one}
