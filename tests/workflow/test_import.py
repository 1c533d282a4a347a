"""Imported results through Snakemake: the authors' release, local and fetched, and tables of one's own."""

import re
import subprocess

import numpy as np
import pandas as pd
import pytest
import yaml

from calls import run_study, snakemake
from fetch_release import main as fetch_release
from premem.base.errors import UserError
from premem.config.imports import Release
from premem.config.load import load_study
from premem.config.sweep import spell_learning_rate


@pytest.fixture
def small_release(tmp_path):
    """A git repository with three runs, one of which lacks a file, next to a folder that nobody asked for."""
    repository = tmp_path / "repository"
    random = np.random.default_rng(0)
    for lr in ("1e-05", "2e-05", "3e-05"):
        for step in (2, 4):
            checkpoint = repository / "ckpts" / f"toy_2epochs_full_lr{lr}_bs4" / f"checkpoint-{step}"
            checkpoint.mkdir(parents=True)
            np.save(checkpoint / "train_answer_types5_seed2.npy", random.integers(0, 2, (8, 5)))
            np.save(checkpoint / "test_answer_types5_seed2.npy", random.integers(0, 2, (4, 5)))
            np.save(checkpoint / "train_perplexities.npy", random.uniform(1, 2, 8))
        np.save(checkpoint.parent / "subsample_idxs.npy", np.arange(8))
    (checkpoint / "train_perplexities.npy").unlink()
    (repository / "ckpts" / "unasked").mkdir()
    (repository / "ckpts" / "unasked" / "large.npy").write_bytes(b"large")
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    subprocess.run([*git, "config", "uploadpack.allowFilter", "true"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "results"], check=True)
    revision = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return {"runs": "toy", "repository": repository.as_uri(), "revision": revision}


def write_study(tmp_path, entry, **more):
    path = tmp_path / "study.yaml"
    study = {"study": "elsewhere", "results": str(tmp_path / "results"), "imports": [entry]}
    path.write_text(yaml.safe_dump({**study, "statistics": {"resamples": 50}, **more}))
    return path


def test_the_published_results_end_in_figures(checkout, shared_data, tmp_path):
    release = shared_data / "published" / "ckpts"
    if not release.is_dir():
        pytest.skip(f"the authors' results are not at {release} (PREMEM_SHARED)")
    said = run_study(
        checkout, "--configfile", "config/published.yaml", "--config", f"results={tmp_path}", f"local_release={release}"
    )
    if not list(release.glob("math_orig_*")):
        assert "it has no runs math_orig_…, so llama3-8b on math is left out" in said
    pair = tmp_path / "published" / "pairs" / "llama3-8b" / "gsm8k"
    for name in ("prediction", "training_curves", "threshold", "learning_progress"):
        assert (pair / "figures" / f"{name}.png").is_file()
    points = pd.read_csv(pair / "points.csv")
    assert (len(points), points["run"].nunique()) == (51, 13)
    regression = pd.read_csv(pair / "regression.csv").set_index(["predictor", "statistic"])
    premem = regression.loc["premem_accuracy"]
    assert premem.loc["r_squared", "estimate"] == pytest.approx(0.9353, abs=1e-4)
    assert 0.8 < premem.loc["r_squared_leave_one_run_out", "estimate"] < premem.loc["r_squared", "estimate"]
    assert premem.loc["threshold", "estimate"] == pytest.approx(1.1055, abs=0.003)
    assert regression.loc["train_accuracy"].loc["r_squared", "estimate"] == pytest.approx(-6.04, abs=0.01)
    assert "llama3-8b on gsm8k: R² (y = x) over 51 checkpoints of 13 runs" in said


def test_a_release_is_fetched_and_incomplete_runs_are_said(checkout, small_release, tmp_path):
    study = write_study(tmp_path, {"model": "m", "dataset": "d", "release": small_release})
    run_study(checkout, "--configfile", study)
    results = tmp_path / "results" / "elsewhere"
    assert sorted(path.name for path in (results / "releases" / "m" / "d").glob("[!.]*")) == [
        f"toy_2epochs_full_lr{lr}_bs4" for lr in ("1e-05", "2e-05", "3e-05")
    ]
    assert pd.read_csv(results / "pairs" / "m" / "d" / "points.csv")["run"].nunique() == 2
    page = (results / "summary.md").read_text()
    assert "toy_2epochs_full_lr3e-05_bs4" in page
    assert "checkpoint-4/train_perplexities.npy is missing" in page


def test_a_release_that_cannot_be_fetched_is_said(checkout, small_release, tmp_path):
    release = {**small_release, "repository": (tmp_path / "nowhere").as_uri()}
    study = write_study(tmp_path, {"model": "m", "dataset": "d", "release": release})
    done = snakemake(checkout, "--configfile", study)
    assert done.returncode != 0
    assert "the release cannot be fetched" in done.stdout + done.stderr
    assert "or give local_release" in done.stdout + done.stderr
    assert not (tmp_path / "results" / "elsewhere" / "releases" / "m" / "d").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subfolder": "{outside}"}, "release.subfolder: give a folder within the repository"),
        ({"subfolder": "../outside"}, "release.subfolder: give a folder within the repository"),
        ({"subfolder": "ckpts/*"}, "release.subfolder: give a folder within the repository"),
        ({"runs": "../toy"}, "release.runs: give what the run folders begin with"),
        ({"runs": "*"}, "release.runs: give what the run folders begin with"),
        ({"repository": "--upload-pack=touch x"}, "release.repository: give the address of a repository"),
        ({"revision": "--orphan"}, "release.revision: give a commit"),
    ],
)
def test_a_release_stays_within_its_repository(change, message, tmp_path):
    release = {"runs": "toy"} | {key: value.format(outside=tmp_path) for key, value in change.items()}
    entry = {"model": "m", "dataset": "d", "release": release}
    with pytest.raises(UserError, match=message):
        load_study({"study": "elsewhere", "imports": [entry]}, "study.yaml")


def test_a_link_in_a_repository_is_not_followed(small_release, tmp_path):
    """Else a release could have the reader's own folders moved."""
    outside = tmp_path / "outside" / "toy_2epochs_full_lr1e-05_bs4"
    outside.mkdir(parents=True)
    repository = tmp_path / "repository"
    (repository / "linked").symlink_to(outside.parent)
    (repository / "ckpts" / "toy_linked").symlink_to(outside)
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "links"], check=True)
    said = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, encoding="utf-8").stdout
    release = Release(**{**small_release, "revision": said.strip()})
    (tmp_path / "d.json").write_text("old", encoding="utf-8")
    with pytest.raises(UserError, match="holds no folder linked/toy_… at"):
        fetch_release(release.model_copy(update={"subfolder": "linked"}), tmp_path / "d", tmp_path / "d.json")
    assert not (tmp_path / "d").exists()
    assert not (tmp_path / "d.json").exists()
    fetch_release(release, tmp_path / "d", tmp_path / "d.json")
    assert len([*(tmp_path / "d").iterdir()]) == 3
    assert outside.is_dir()


def test_own_tables_go_through_the_same_rules(checkout, tmp_path):
    random = np.random.default_rng(0)
    train, test = [], []
    for lr in (0.01, 0.001, 0.0001):
        for epoch in (1, 2):
            run = {"lr": lr, "epochs": 2, "size": "full", "epoch": epoch}
            train += [
                run | {"example_id": i, "accuracy": random.integers(0, 5) / 4, "perplexity": random.uniform(1, 2)}
                for i in range(8)
            ]
            test += [run | {"example_id": i, "accuracy": random.integers(0, 5) / 4} for i in range(4)]
    pd.DataFrame(train).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame(test).to_parquet(tmp_path / "test.parquet")
    tables = {"train": [str(tmp_path / "train.csv")], "test": [str(tmp_path / "test.parquet")]}
    entry = {"model": "mine", "dataset": "d", "tables": tables}
    study = write_study(tmp_path, entry, predictors={"names": "all"}, example_reports={"shown": 2})
    run_study(checkout, "regression", "scrutiny", "predictors", "example_reports", "--configfile", study)
    pair = tmp_path / "results" / "elsewhere" / "pairs" / "mine" / "d"
    points = pd.read_csv(pair / "points.csv")
    runs = points["run"].unique().tolist()
    assert runs == [
        "lr1e-2_ep2_full_seed0",
        "lr1e-3_ep2_full_seed0",
        "lr1e-4_ep2_full_seed0",
    ]

    said = run_study(checkout, "robustness", "--configfile", study)
    assert said.count("robustness: mine on d: imported results come without texts and checkpoints; left out") == 1

    page = (pair / "predictors.md").read_text()
    for lacks in ("no weights of the checkpoints", "no sampled answers", "no labels of difficulty"):
        assert lacks in page

    assert sorted(path.name for path in (pair / "example_reports").glob("[!.]*")) == sorted(runs)
    for run, of_run in pd.DataFrame(train).groupby("lr", sort=False):
        folder = pair / "example_reports" / f"lr{spell_learning_rate(run)}_ep2_full_seed0"
        table = pd.read_parquet(folder / "example_report.parquet").set_index("example_id")
        for epoch, at_epoch in of_run.groupby("epoch"):
            for column in ("accuracy", "perplexity"):
                known = at_epoch.set_index(at_epoch["example_id"].astype(str))[column]
                assert table[f"{column}_epoch_{epoch}"].to_dict() == pytest.approx(known.to_dict())
        assert (table["premem_accuracy"] <= table["train_accuracy"]).all()
        page = (folder / "example_report.md").read_text()
        assert page.startswith(f"# Training examples: mine/d/{folder.name}\n")
        assert "Questions, targets and answers are therefore missing here" in page
        assert page.count("\n### ") == 4
        assert "nan" not in page.lower()

    page = (pair / "scrutiny.md").read_text()
    assert "# Questions that reviewers ask: mine on d\n" in page
    assert "nan" not in page
    for figure in re.findall(r"\]\((.*?\.png)\)", page):
        assert (pair / figure).is_file()

    # Two finished studies in one: a folder of each, whose tables are read as they are.
    other = tmp_path / "other" / "pairs" / "mine" / "d"
    other.mkdir(parents=True)
    for name in ("memorization", "test_accuracy"):
        table = pd.read_parquet(pair / f"{name}.parquet")
        table["run"] = table["run"].str.replace("seed0", "seed1")
        table.assign(seed=1).drop(columns=["seed"] * (name != "memorization")).to_parquet(other / f"{name}.parquet")
    entry = {"model": "both", "dataset": "d", "tables": {"folders": [str(pair), str(other)]}}
    run_study(checkout, "regression", "--configfile", write_study(tmp_path, entry))
    joined = pd.read_csv(tmp_path / "results" / "elsewhere" / "pairs" / "both" / "d" / "points.csv")
    assert joined["run"].unique().tolist() == [*runs, *(run.replace("seed0", "seed1") for run in runs)]
    columns = ["epoch", "test_accuracy", "train_accuracy"]
    assert joined[columns].head(len(points)).equals(points[columns])

    write_study(tmp_path, {**entry, "model": "mine", "tables": tables})
    pd.DataFrame(train).assign(perplexity=0.5).to_csv(tmp_path / "train.csv", index=False)
    done = snakemake(checkout, "regression", "--configfile", study)
    assert done.returncode != 0
    assert "train.csv, row 1: perplexity must be a number from 1 up (given: 0.5)" in done.stdout + done.stderr
