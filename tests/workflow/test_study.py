"""Studies through Snakemake: a tiny one to its figures, partial targets, reruns, bad input."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest
import yaml

from calls import run_study, snakemake
from premem.config.analyses import PredictorName
from premem.jobs.plan import read_dry_run
from vllm_environment import PYTHON, needs_vllm

RUN = "runs/tiny/arithmetic/lr1e-2_ep2_half_seed0"


def edit_study(checkout: Path, key: str, value: dict) -> Path:
    """A copy of the tiny study's file with some values of a block changed."""
    config = yaml.safe_load((checkout / "config" / "tiny.yaml").read_text())
    path = checkout / "edited.yaml"
    path.write_text(yaml.safe_dump({**config, key: {**config.get(key, {}), **value}}))
    return path


def rerun(checkout, *arguments) -> set[str]:
    """Names of the rules that a call would run."""
    table = run_study(checkout, "--dry-run", "--quiet", "rules", *arguments).split("Job stats:")
    if len(table) == 1:
        return set()
    lines = table[1].split("\n\n")[0].splitlines()
    return {line.split()[0] for line in lines if line and line.split()[-1].isdigit()} - {"total", "all"}


def test_the_tiny_study_ends_in_figures_and_tables(finished):
    results = finished / "results" / "tiny"
    pair = results / "pairs" / "tiny" / "arithmetic"
    for name in ("prediction", "training_curves", "threshold", "learning_progress"):
        assert (pair / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (pair / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    points = pd.read_csv(pair / "points.csv", dtype={"lr": str})
    assert len(points) == 5
    assert set(points["lr"]) == {"1e-2", "1e-3"}
    assert (points["predicted_test_accuracy"] <= points["train_accuracy"] + 1e-9).all()
    regression = pd.read_csv(pair / "regression.csv")
    assert {"premem_accuracy", "train_accuracy"} == set(regression["predictor"])
    graders = pd.read_csv(pair / "graders.csv")
    assert set(graders["epoch"]) <= {2, 4}
    assert graders["answers"].sum() == 2 * (2 * 2 * (48 + 32 + 8) + (24 + 32 + 8))
    assert "R² (y = x)" in (results / "summary.md").read_text()


def test_tables_hold_what_happened(finished):
    folder = finished / "results" / "tiny" / RUN
    samples = pd.read_parquet(folder / "epoch-2" / "samples.parquet")
    assert samples.groupby("split")["example_id"].nunique().to_dict() == {"test": 32, "train": 24, "wording": 8}
    assert (samples.groupby("example_id").size() == 2).all()
    assert samples["n_tokens"].between(1, 40).all()
    memorization = pd.read_parquet(folder / "memorization.parquet")
    assert len(memorization) == 24
    assert (memorization["perplexity"] > 1).all()
    training = pd.read_parquet(folder / "training.parquet")
    assert training["epoch"].tolist() == [1, 2]
    assert training["loss"].iloc[1] < training["loss"].iloc[0]


def test_what_has_been_made_says_what_made_it(finished):
    folder = finished / "results" / "tiny" / RUN
    made_by = json.loads(pq.read_schema(folder / "epoch-2" / "samples.parquet").metadata[b"premem"])
    assert made_by["script"] == "sample"
    assert made_by["arguments"]["settings"]["temperature"] == 0.8
    assert "torch" in made_by["versions"]


def test_checkpoints_go_once_they_are_evaluated(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    kept = copy / "results" / "tiny" / RUN / "checkpoints" / "epoch-2" / "model.safetensors"
    assert kept.is_file()  # the study says keep: all
    edited = edit_study(copy, "checkpoints", {"keep": "none"})
    target = f"results/tiny/{RUN}/memorization.parquet"
    run_study(copy, "--configfile", edited, "--forcerun", "train_2_epochs", "--", target)
    assert (copy / target).is_file()
    assert not kept.exists()

    # What needs them again would train again, and the plan says so beforehand.
    edited = edit_study(copy, "sampling", {"temperature": 0.5})
    assert "lr1e-2_ep2_half_seed0: its checkpoints were deleted" in run_study(copy, "plan", "--configfile", edited)


@needs_vllm
def test_vllm_samples_in_an_environment_of_its_own(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    folder = copy / "results" / "tiny" / RUN
    path = folder / "epoch-2" / "samples.parquet"
    before = pd.read_parquet(path)
    edited = edit_study(copy, "sampling", {"backend": "vllm"})
    run_study(
        copy, "--configfile", edited, "--config", f"hardware={{python: {{sample: {PYTHON}}}}}",
        "--", f"results/tiny/{RUN}/memorization.parquet",
    )  # fmt: skip
    samples = pd.read_parquet(path)
    assert samples.dtypes.equals(before.dtypes)
    keys = ["split", "example_id", "sample"]
    pd.testing.assert_frame_equal(samples[keys], before[keys])
    assert not samples["text"].equals(before["text"])
    made_by = json.loads(pq.read_schema(path).metadata[b"premem"])
    assert made_by["arguments"]["settings"]["backend"] == "vllm"
    assert "vllm" in made_by["versions"]
    assert len(pd.read_parquet(folder / "memorization.parquet")) == 24


def test_a_training_that_was_killed_goes_on(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    run = copy / "results" / "tiny" / "runs" / "tiny" / "arithmetic" / "lr1e-2_ep4_full_seed0"
    weights = [run / "checkpoints" / f"epoch-{epoch}" / "model.safetensors" for epoch in (2, 4)]
    before = [path.read_bytes() for path in weights], pd.read_parquet(run / "training.parquet")
    shutil.rmtree(run)
    study = edit_study(copy, "hardware", {"train": {"save_state_every": 2}})
    target = run.relative_to(copy) / "training.parquet"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", study, "--", target]
    first = subprocess.Popen(command, cwd=copy, stderr=subprocess.PIPE, text=True)
    while not any(int(path.name.split("-")[1]) > 12 for path in run.glob(".training/state-*")):  # after epoch 2
        assert first.poll() is None
        time.sleep(0.001)
    script = str(copy / "workflow" / "scripts" / "train.py")
    (job,) = (p for p in psutil.Process(first.pid).children(recursive=True) if p.cmdline()[1:2] == [script])
    job.kill()
    assert first.wait() != 0
    assert not (run / "checkpoints").exists()
    assert "training goes on from state-" in run_study(copy, "--configfile", study, "--", target)
    assert [path.read_bytes() for path in weights] == before[0]
    assert pd.read_parquet(run / "training.parquet").equals(before[1])
    assert not (run / ".training").exists()


def test_a_finished_study_reruns_nothing(finished):
    assert rerun(finished, "--configfile", "config/tiny.yaml") == set()


def test_a_single_file_is_a_target(checkout):
    rules = rerun(checkout, "--configfile", "config/tiny.yaml", "--forceall", f"results/tiny/{RUN}/training.parquet")
    assert rules == {
        *("prepare_data", "check_data", "settle_pretraining", "pretrain_model"),
        *("tokenize_data", "check_fit", "settle_training", "train_2_epochs"),
    }


def test_questions_of_reviewers_are_answered(finished):
    run_study(finished, "scrutiny", "--configfile", "config/tiny.yaml")
    page = (finished / "results" / "tiny" / "pairs" / "tiny" / "arithmetic" / "scrutiny.md").read_text()
    assert "Not answered: no run has training examples that it did not train on" in page


def test_predictors_are_compared_on_every_test_set(finished):
    run_study(finished, "predictors", "--configfile", "config/tiny.yaml")
    results = finished / "results" / "tiny"
    weights = pd.read_parquet(results / RUN / "weights.parquet").pivot(
        index="epoch", columns="predictor", values="value"
    )
    assert (weights > 0).all(axis=None)
    assert set(weights) == {"distance", "relative_distance", "gradient_variance"}
    confidences = pd.read_parquet(results / RUN / "confidences.parquet")
    assert confidences.groupby("split").size().to_dict() == {"test": 32, "train": 24, "wording": 8}
    assert (confidences["log_probability"] < 0).all()
    pair = results / "pairs" / "tiny" / "arithmetic"
    comparison = pd.read_csv(pair / "predictors.csv")
    assert set(comparison["test_set"]) == {"test", "wording"}
    asked_for = set(get_args(PredictorName))
    assert asked_for | {"premem_accuracy_at_study_p"} == set(comparison.dropna(subset="statistic")["predictor"])
    values = pd.read_parquet(pair / "predictors.parquet")
    assert values["value"].notna().all()
    assert "## Test set wording" in (pair / "predictors.md").read_text()
    for figure in ("predictors", "test_sets"):
        assert (pair / "figures" / f"{figure}.png").read_bytes().startswith(b"\x89PNG")
    fewer = edit_study(finished, "predictors", {"names": sorted(asked_for - {"forgetting"})})
    compared = {"predictors", "compare_predictors", "plot_predictors"}
    assert rerun(finished, "--configfile", fewer, "--", "predictors") == compared
    reseeded = edit_study(finished, "predictors", {"seed": 1})
    assert rerun(finished, "--configfile", reseeded, "--", "predictors") == compared | {"measure_weights"}


@pytest.fixture(scope="module")
def perturbed(finished, tmp_path_factory):
    """The tiny study with the accuracy that examples lose under perturbations, and reports on examples."""
    copy = shutil.copytree(finished, tmp_path_factory.mktemp("perturbed") / "copy")
    run_study(copy, "robustness", "example_reports", "--configfile", "config/tiny.yaml")
    return copy


def test_perturbed_prompts_end_in_a_page(perturbed):
    results = perturbed / "results" / "tiny"
    samples = pd.read_parquet(results / RUN / "epoch-2" / "perturbed_samples.parquet")
    assert samples.groupby("split").size().to_dict() == dict.fromkeys(("unperturbed", "first", "paraphrase"), 2 * 24)
    assert samples.loc[samples["split"] == "first", "text"].str.startswith(" first").all()
    grades = pd.read_parquet(results / RUN / "perturbed_grades.parquet")
    assert (len(grades), set(grades["epoch"])) == (3 * 2 * 24, {2})

    pair = results / "pairs" / "tiny" / "arithmetic"
    answers = pd.read_parquet(pair / "perturbed.parquet")
    assert answers.groupby("run")["epoch"].first().to_dict() == {
        "lr1e-2_ep4_full_seed0": 4,
        "lr1e-3_ep4_full_seed0": 4,
        "lr1e-2_ep2_half_seed0": 2,
    }
    memorization = pd.read_parquet(pair / "memorization.parquet")
    both = answers.merge(memorization, on=["run", "epoch", "example_id"], suffixes=("_perturbed", ""))
    assert len(both) == len(answers) == 3 * (48 + 48 + 24)
    assert (both["train_accuracy"] == both["accuracy"]).all()
    assert (answers["difficulty"] == 1).all()  # stories of one step
    prompts = pd.read_parquet(pair / "perturbed_prompts.parquet").set_index(["perturbation", "example_id"])[
        "prompt_ids"
    ]
    tokens = pd.read_parquet(results / "tokens" / "tiny" / "arithmetic" / "train.parquet").set_index("example_id")
    for example_id, ids in tokens["prompt_ids"].items():
        assert prompts["unperturbed", example_id].tolist() == ids.tolist() == prompts["first", example_id][:-1].tolist()
        assert prompts["paraphrase", example_id].tolist() != ids.tolist()
    page = (pair / "robustness.md").read_text()
    assert "| first | answer begins ` first` |" in page
    assert "](figures/robustness.png)" in page
    for figure in ("robustness", "robustness_solved"):
        assert (pair / "figures" / f"{figure}.png").read_bytes().startswith(b"\x89PNG")


def test_every_run_reports_on_its_examples(perturbed):
    results = perturbed / "results" / "tiny"
    table = pd.read_parquet(results / RUN / "example_report.parquet")
    assert len(table) == 24
    assert table["premem_accuracy"].is_monotonic_decreasing
    drops = pd.read_parquet(results / "pairs" / "tiny" / "arithmetic" / "predicted_drops.parquet")
    drops = drops[(drops["run"] == "lr1e-2_ep2_half_seed0") & (drops["epoch"] == 2)].set_index("example_id")
    assert table.set_index("example_id")["predicted_drop"].equals(drops["predicted_drop"].loc[table["example_id"]])
    assert (table["difficulty"] == 1).all()
    page = (results / RUN / "example_report.md").read_text()
    assert page.count("\n### train-") == page.count("; difficulty 1.") == 4
    assert page.count("Question:") == page.count("Target:") == 4


@pytest.mark.parametrize(
    ("key", "value", "rules"),
    [
        ("robustness", {}, set()),
        ("robustness", {"bins": 3}, {"measure_robustness", "plot_robustness", "report_examples"}),
        ("example_reports", {"brittleness": False}, {"report_examples"}),
        (
            "robustness",
            {"perturbations": ["first"], "checkpoints": [4]},
            {"perturb_prompts", "sample_perturbed", "grade_perturbed", "measure_robustness"}
            | {"plot_robustness", "report_examples"},
        ),
    ],
)
def test_what_an_edit_of_robustness_reruns(perturbed, key, value, rules):
    targets = {"robustness", "example_reports"}
    edited = edit_study(perturbed, key, value)
    said = run_study(perturbed, "--dry-run", "--configfile", edited, "--", "all", *targets)
    assert {job.rule for job in read_dry_run(said)} - {"all", *targets} == rules  # and nothing of the study itself


def test_what_an_edit_of_difficulty_reruns(perturbed):
    dataset = yaml.safe_load((perturbed / "config" / "tiny.yaml").read_text())["datasets"]["arithmetic"]
    edited = edit_study(perturbed, "datasets", {"arithmetic": {**dataset, "difficulty": "lines"}})
    rules = rerun(perturbed, "--configfile", edited, "--", "all", "robustness", "example_reports")
    assert rules - {"robustness", "example_reports"} == {"measure_robustness", "plot_robustness", "report_examples"}


def test_robustness_and_examples_as_a_part_of_the_study(checkout, tmp_path):
    """Checkpoints then go only after prompts have been perturbed."""
    config = yaml.safe_load((checkout / "config" / "tiny.yaml").read_text())
    config |= {"results": str(tmp_path), "checkpoints": {"keep": "none"}, "analyses": ["robustness", "example_reports"]}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    rules = rerun(checkout, "--configfile", tmp_path / "study.yaml")
    assert {"sample_perturbed", "plot_robustness", "report_examples", "train_4_epochs", "summarize"} <= rules


def test_models_are_compared_on_a_dataset(finished, tmp_path):
    """A second model comes as imported results: the scores of the first one."""
    copy = shutil.copytree(finished, tmp_path / "copy")
    pair = copy / "results" / "tiny" / "pairs" / "tiny" / "arithmetic"
    names = {"train": "memorization.parquet", "test": "test_accuracy.parquet"}
    for split, name in names.items():
        table = pd.read_parquet(pair / name)
        runs = pd.read_parquet(pair / "memorization.parquet").drop_duplicates("run").set_index("run")
        columns = ["lr", "epochs", "size", "seed"]
        table[columns] = runs.loc[table["run"], columns].to_numpy()
        table.drop(columns=["run", *({"trained_on"} & set(table))]).to_parquet(tmp_path / f"{split}.parquet")
    tables = {split: [str(tmp_path / f"{split}.parquet")] for split in names}
    config = yaml.safe_load((copy / "config" / "tiny.yaml").read_text())
    config |= {"imports": [{"model": "other", "dataset": "arithmetic", "tables": tables}]}
    (copy / "edited.yaml").write_text(yaml.safe_dump(config))
    run_study(copy, "model_comparison", "--configfile", "edited.yaml")
    across = copy / "results" / "tiny" / "across" / "arithmetic"
    compared = pd.read_csv(across / "model_comparison.csv")
    assert list(compared["model"].unique()) == ["tiny", "other"]
    assert compared.groupby("model")["weights"].first().isna().to_dict() == {"tiny": False, "other": True}
    assert (across / "model_comparison.png").is_file()
    assert "| weights |" in (across / "model_comparison.md").read_text()


def test_every_study_file_builds_its_graph(checkout):
    for file in [checkout / "config.yaml", *(checkout / "config").glob("*.yaml")]:
        assert "summarize" in rerun(checkout, "--configfile", str(file), "--forceall")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "sampeling={}"], "unknown key 'sampeling'; did you mean 'sampling'?"),
        (["results/tiny/runs/tiny/arithmetic/lr9e-9_ep7_full_seed0/training.parquet"], "lr9e-9_ep7_full_seed0"),
        (["--config", "sizes={full: 3}"], "sizes.full"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(checkout, arguments, message):
    done = snakemake(checkout, "--configfile", "config/tiny.yaml", "--dry-run", *arguments)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_vllm_missing_is_said_before_anything_is_trained(finished, tmp_path):
    config = yaml.safe_load((finished / "config" / "tiny.yaml").read_text())
    config["models"]["tiny"] = {"path": str(finished / "results" / "tiny" / "models" / "tiny")}
    config["sampling"]["backend"] = "vllm"
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    call = ["--configfile", tmp_path / "study.yaml", "--config", f"results={tmp_path}"]
    done = snakemake(finished, "samples", *call)
    assert done.returncode != 0
    assert "has no vLLM; install it as docs/vllm.md says" in done.stdout + done.stderr
    assert not list(tmp_path.rglob("checkpoints"))


def test_bad_examples_end_the_study_before_anything_expensive(checkout, tmp_path):
    config = yaml.safe_load((checkout / "config" / "tiny.yaml").read_text())
    rows = [{"question": f"{i} + 1 ?", "solution": f"#### {i + 1}"} for i in range(9)]
    for name, more in (("train", []), ("test", [{"question": "", "solution": ""}])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows + more))
    files = {name: {"files": [str(tmp_path / f"{name}.jsonl")]} for name in ("train", "test")}
    templates = {"prompt": "{question} Answer :", "target": " {solution} Done", "stop": " Done"}
    mine = {"train": files["train"], "test": {"test": files["test"]}, "answers": "gsm8k", **templates}
    config["datasets"]["mine"] = mine
    del config["robustness"], config["example_reports"]  # the dataset has no perturbations
    config["sweep"] = [{"model": "tiny", "dataset": "mine", "lr": 1e-2, "epochs": 1, "size": "full"}]
    config["results"] = str(tmp_path / "results")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    old = tmp_path / "results" / "tiny" / "data" / "mine" / "test.parquet"
    old.parent.mkdir(parents=True)
    old.write_text("from before")
    done = snakemake(checkout, "--configfile", tmp_path / "study.yaml", "--forcerun", "prepare_data")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"datasets.mine.test.test: 1 bad examples: {files['test']['files'][0]}, row 10: question is empty" in said
    assert "bad_examples: drop" in said
    assert "MissingOutputException" not in said
    at_the_end = said.rpartition("prepare_data failed: dataset=mine, split=test")[2]
    assert "  | error: datasets.mine.test.test: 1 bad examples" in at_the_end
    assert not (tmp_path / "results" / "tiny" / "models").exists()
    assert old.read_text() == "from before"
    again = snakemake(checkout, "--configfile", tmp_path / "study.yaml")  # does not take it for the new one
    assert "prepare_data failed: dataset=mine, split=test" in again.stdout + again.stderr


def test_gsm8k_runs_to_its_figures(checkout, shared_data, tmp_path):
    """Real problems through every rule, on a model and a training too small to solve any."""
    config = yaml.safe_load((checkout / "config" / "gsm8k-small.yaml").read_text())
    config |= {"results": str(tmp_path / "results"), "local_data": str(shared_data)}
    config["models"]["small"]["pretrain"] |= {"steps": 10}
    config["datasets"]["gsm8k"] |= {"train": {"num_examples": 16}, "test": {"test": {"num_examples": 4}}}
    config["sweep"] = [{"model": "small", "dataset": "gsm8k", "lr": 1e-2, "epochs": 1, "size": "full"}]
    config["sampling"]["max_new_tokens"] = 40
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    run_study(checkout, "--configfile", tmp_path / "study.yaml")
    results = tmp_path / "results" / "gsm8k-small"
    assert (results / "pairs" / "small" / "gsm8k" / "figures" / "prediction.png").is_file()
    (samples,) = results.rglob("samples.parquet")
    assert pd.read_parquet(samples)["text"].str.len().mean() > 20
