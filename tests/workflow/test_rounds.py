"""Curation through Snakemake: the tiny one to its page, a further round, a curated training file, pools, reruns."""

import json
import re
import shutil
from itertools import pairwise

import pandas as pd
import pytest
import yaml

from calls import run_study, snakemake
from premem.analysis.regression.calibration import best_threshold
from premem.base.tables import read_csv, read_made_by
from premem.jobs.plan import read_dry_run

STUDY = "config/tiny-curation.yaml"
RESULTS = "results/tiny-curation"
START_RUN = "runs/tiny/stories-seed0-round0/lr1e-2_ep4_full_seed0"
STRATEGIES = ("premem", "iid")
MAKING = ["source", "strategy", "round", "resembles"]


@pytest.fixture(scope="module")
def curated(checkout, tmp_path_factory):
    """The tiny curation, run to its end; and a curated training file of one of its runs."""
    copy = tmp_path_factory.mktemp("curation") / "checkout"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns("results", ".snakemake"))
    run_study(copy, "--configfile", STUDY, "--", "all", f"{RESULTS}/{START_RUN}/curated/premem.parquet")
    return copy


@pytest.fixture(scope="module")
def twice(curated, tmp_path_factory):
    """The same with a second round asked for, premem's made for one seed; and what was told of that call."""
    copy = shutil.copytree(curated, tmp_path_factory.mktemp("twice") / "checkout")
    study = yaml.safe_load((copy / STUDY).read_text())
    study["curation"]["rounds"] = [8, 8]
    (copy / "twice.yaml").write_text(yaml.safe_dump(study))
    target = f"{RESULTS}/data/stories-premem-seed0-round2/train.parquet"
    return copy, run_study(copy, "--configfile", "twice.yaml", "--", target)


@pytest.fixture
def edited(curated, tmp_path):
    """The finished curation in a checkout of its own, and its study, to be edited and written."""
    copy = shutil.copytree(curated, tmp_path / "checkout")
    study = yaml.safe_load((copy / STUDY).read_text())

    def write(**changes):
        (copy / "edited.yaml").write_text(yaml.safe_dump({**study, **changes}))
        return copy

    write.study = study
    return write


def would_run(checkout, *arguments):
    """(rule, dataset) of all jobs that a call would run; `train` and `sample` stand for any number of epochs."""
    jobs = read_dry_run(run_study(checkout, "--dry-run", *arguments))
    short = {job.rule: next((k for k in ("train", "sample") if job.rule.startswith(f"{k}_")), job.rule) for job in jobs}
    return {(short[job.rule], job.wildcards.get("dataset")) for job in jobs} - {("all", None)}


def training_set(checkout, strategy, seed, number):
    name = f"stories-{strategy}-seed{seed}-round{number}" if number else f"stories-seed{seed}-round0"
    return pd.read_parquet(checkout / RESULTS / "data" / name / "train.parquet")


def test_the_tiny_curation_ends_in_a_page_and_tables(curated):
    folder = curated / RESULTS / "curation"
    accuracy = pd.read_csv(folder / "accuracy.csv")
    made = accuracy[["strategy", "seed", "round", "new_examples"]].to_records(index=False).tolist()
    assert sorted(made) == sorted(
        [("start", seed, 0, 0) for seed in (0, 1)] + [(name, seed, 1, 8) for name in STRATEGIES for seed in (0, 1)]
    )
    grades = pd.read_parquet(curated / RESULTS / START_RUN / "grades.parquet")
    last = grades[(grades["split"] == "test") & (grades["epoch"] == 4)]
    assert last["example_id"].nunique() == 32
    start = accuracy[(accuracy["strategy"] == "start") & (accuracy["seed"] == 0)]["test_accuracy"]
    assert start.tolist() == pytest.approx([(last["strict"] == "correct").mean()])

    efficiency = pd.read_csv(folder / "efficiency.csv")
    means = efficiency[efficiency["statistic"] == "test_accuracy"].set_index(["strategy", "new_examples"])["estimate"]
    expected = accuracy.groupby(["strategy", "new_examples"])["test_accuracy"].mean()
    assert means.to_dict() == pytest.approx(expected.to_dict(), abs=1e-6)
    assert (efficiency["n_seeds"] == 2).all()
    premem = efficiency[efficiency["strategy"] == "premem"]
    assert premem.groupby("new_examples")["statistic"].apply(set).map(len).to_dict() == {8: 3}

    collected = pd.read_csv(folder / "collected.csv")
    assert len(collected) == 4
    assert (collected["trained_on"] == 24).all()
    assert (collected["selected"] == 24)[collected["strategy"] == "iid"].all()
    page = (folder / "curation.md").read_text()
    assert page.startswith("# Collecting data: tiny on stories\n")
    for text in ("| low premem accuracy | 8 |", "| i.i.d. | 8 |", "![Strategies](curation.png)"):
        assert text in page
    assert (folder / "curation.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "curation.pdf").read_bytes().startswith(b"%PDF")
    assert "tiny" in (curated / RESULTS / "summary.md").read_text()


@pytest.mark.parametrize(("strategy", "seed", "rounds"), [("iid", 0, 1), ("premem", 1, 1), ("premem", 0, 2)])
def test_a_round_is_a_dataset_that_holds_the_one_before(curated, twice, strategy, seed, rounds):
    where = curated if rounds == 1 else twice[0]
    sets = [training_set(where, strategy, seed, number) for number in range(rounds + 1)]
    assert [len(table) for table in sets] == [24, 32, 40][: rounds + 1]
    for before, after in pairwise(sets):
        pd.testing.assert_frame_equal(after.head(len(before))[list(before)], before)
    last = sets[-1]
    assert last["example_id"].is_unique and last["question"].is_unique
    assert last["round"].tolist() == [0] * 24 + [number for number in range(1, rounds + 1) for _ in range(8)]
    assert last["strategy"].tolist() == [""] * 24 + [strategy] * 8 * rounds
    assert last["source"].tolist() == ["start"] * 24 + ["generate"] * 8 * rounds
    skeletons = last.set_index("example_id")["skeleton"]
    new = last[last["round"] > 0]
    assert new["skeleton"].tolist() == skeletons[new["resembles"]].tolist()
    assert set(new["resembles"]) <= set(sets[0]["example_id"])  # like what was there at first
    tests = pd.read_parquet(where / RESULTS / "data" / "stories" / "test.parquet")
    assert not set(last["question"]) & set(tests["question"])


def test_seeds_start_from_examples_of_their_own_and_strategies_from_the_same(curated):
    one, two = (set(training_set(curated, "", seed, 0)["example_id"]) for seed in (0, 1))
    assert one != two
    whole = pd.read_parquet(curated / RESULTS / "data" / "stories" / "train.parquet")
    assert one | two <= set(whole["example_id"])


def test_premem_collects_like_what_the_run_before_has_low(curated):
    made = training_set(curated, "premem", 0, 1)
    scores = pd.read_parquet(curated / RESULTS / START_RUN / "memorization.parquet").sort_values("epoch")
    p = 1.5
    kept = scores["accuracy"].where(scores["perplexity"] > p, 0).groupby(scores["example_id"]).max()
    premem = pd.concat([kept, scores.groupby("example_id")["accuracy"].last()], axis=1).min(axis=1)
    assert (premem[made.loc[made["round"] == 1, "resembles"]] < 0.5).all()
    notes = read_made_by(curated / RESULTS / "data" / "stories-premem-seed0-round1" / "train.parquet")
    assert notes["selected"] == (premem < 0.5).sum()
    assert notes["trained_on"] == 24


def test_a_further_round_is_collected_after_the_run_on_the_one_before(twice):
    """Which is trained already, so that its answers to training prompts and its perplexities are all that lacks."""
    checkout, said = twice
    scores = pd.read_parquet(
        checkout / RESULTS / "runs/tiny/stories-premem-seed0-round1/lr1e-2_ep3_full_seed0/memorization.parquet"
    )
    assert set(scores["example_id"]) == set(training_set(checkout, "premem", 0, 1)["example_id"])
    rules = set(re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE))
    assert {rule for rule in rules if not rule.startswith("sample_")} == {
        *("measure_perplexity", "grade_samples", "score_run", "collect_examples")
    }


def test_a_finished_curation_reruns_nothing(curated):
    assert would_run(curated, "--configfile", STUDY) == set()


def test_a_single_round_is_a_target(twice, tmp_path):
    checkout, _ = twice
    target = f"{tmp_path}/tiny-curation/data/stories-premem-seed1-round2/train.parquet"
    jobs = would_run(checkout, "--configfile", "twice.yaml", "--config", f"results={tmp_path}", "--", target)
    needed = {"stories-seed1-round0", "stories-premem-seed1-round1"}
    assert {dataset for rule, dataset in jobs if rule == "train"} == needed
    assert {dataset for rule, dataset in jobs if rule == "collect_examples"} == {
        *("stories-premem-seed1-round1", "stories-premem-seed1-round2")
    }
    assert {dataset for rule, dataset in jobs} <= {None, "stories", *needed, "stories-premem-seed1-round2"}
    assert not {"measure_ifd", "summarize", "compare_curation", "calibrate"} & {rule for rule, _ in jobs}
    iid = target.replace("premem", "iid")
    jobs = would_run(checkout, "--configfile", "twice.yaml", "--config", f"results={tmp_path}", "--", iid)
    assert {rule for rule, _ in jobs} == {"prepare_data", "draw_start", "collect_examples"}  # it needs no scores


def test_any_run_has_a_curated_training_file(curated):
    folder = curated / RESULTS / START_RUN / "curated"
    table = pd.read_parquet(folder / "premem.parquet")
    assert len(table) == 24 + 256
    assert table["example_id"].is_unique and table["question"].is_unique
    assert table["round"].value_counts().to_dict() == {1: 256, 0: 24}
    rows = [json.loads(line) for line in (folder / "premem.jsonl").read_text().splitlines()]
    columns = ["example_id", "question", "solution", "answer", *MAKING]
    assert [[row[name] for name in columns] for row in rows] == table[columns].values.tolist()
    page = (folder / "premem.md").read_text()
    for text in ("New examples for tiny/stories-seed0-round0/lr1e-2", "| t | 0.5 |", "| new examples | 256 |", "Like "):
        assert text in page


def test_a_run_of_a_round_goes_on_from_there(twice, tmp_path):
    """Also by a strategy that the comparison leaves out, and from a set that has new examples already."""
    copy = shutil.copytree(twice[0], tmp_path / "checkout")
    study = yaml.safe_load((copy / "twice.yaml").read_text())
    (copy / "edited.yaml").write_text(yaml.safe_dump({**study, "collection": {"num_examples": 8}}))
    run = "runs/tiny/stories-premem-seed0-round1/lr1e-2_ep3_full_seed0"
    targets = [f"{RESULTS}/{run}/curated/{name}.parquet" for name in ("premem", "ifd", "difficulty")]
    run_study(copy, "--configfile", "edited.yaml", "--", *targets)
    before = training_set(copy, "premem", 0, 1)
    for target in targets:
        table = pd.read_parquet(copy / target)
        assert table["example_id"].is_unique
        assert table["round"].tolist() == [0] * 24 + [1] * 8 + [2] * 8
        assert table["source"].tolist()[:32] == before["source"].tolist()
    premem, ifd, difficulty = (copy / target for target in targets)
    assert "| share of the hardest | 0.3 |" in ifd.with_suffix(".md").read_text()
    assert read_made_by(ifd)["selected"] <= 10  # of 32
    chosen = pd.read_parquet(difficulty).tail(8)
    assert (chosen["steps"] == 2).all()
    assert read_made_by(premem)["trained_on"] == 32


def test_a_pool_is_collected_from(curated, edited, tmp_path):
    start = training_set(curated, "", 0, 0)
    rows = [
        {
            "query": f"{row.question} and {i} ?",
            "response": row.solution,
            "original": row.question,
            "skeleton": "",
            "n": i,
        }
        for row in start.itertuples()
        for i in range(2)
    ]
    stories = edited.study["datasets"]["stories"]
    columns = {"question": "query", "solution": "response", "skeleton": "skeleton", "steps": "n"}

    def with_pool(rows, **changes):
        copy = edited()
        (copy / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        pool = {"files": ["pool.jsonl"], "resembles": "original", "columns": columns, **changes}
        return edited(datasets={"stories": {**stories, "new_examples": {"pool": pool}}}, collection={"num_examples": 8})

    copy = with_pool(rows)
    target = copy / RESULTS / START_RUN / "curated" / "premem.parquet"
    old = {path: path.read_bytes() for path in target.parent.iterdir() if path.is_file()}
    command = ("--configfile", "edited.yaml", "--", target.relative_to(copy))

    # What is wrong with a pool is said, and what was there before is not replaced by a part.
    for changes, spoilt, message in (
        (
            {"resembles": "parent"},
            rows,
            "new_examples.pool: column 'parent' (for resembles) is missing; the source has",
        ),
        ({}, rows[:3], "8 new examples wanted, 5 of them are missing"),
        ({}, [*rows, rows[0]], "pool.jsonl, row 49: the same question as"),
    ):
        done = snakemake(with_pool(spoilt, **changes), *command)
        assert done.returncode != 0
        assert f"  | error: {'' if 'wanted' in message else 'datasets.stories.'}" in done.stdout + done.stderr
        assert message in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert all(not path.exists() or path.read_bytes() == content for path, content in old.items())
    with_pool(rows)
    new = f"{tmp_path}/tiny-curation/{START_RUN}/training.parquet"
    assert ("prepare_pool", "stories") in would_run(
        copy, "--configfile", "edited.yaml", "--config", f"results={tmp_path}", "--", new
    )  # it is found good before anything is trained
    run_study(copy, *command)
    table = pd.read_parquet(target)
    new = table[table["round"] == 1]
    assert len(new) == 8 and set(new["source"]) == {"pool"}
    originals = {row["query"]: row["original"] for row in rows}
    names = start.set_index("question")["example_id"]
    assert new["resembles"].tolist() == [names[originals[question]] for question in new["question"]]
    (copy / "pool.jsonl").unlink()
    done = snakemake(copy, *command)
    assert "new_examples.pool.files: there is no file pool.jsonl" in done.stdout + done.stderr


FROM_PREMEM = {f"stories-premem-seed{seed}-round1" for seed in (0, 1)}
FROM_IID = {name.replace("premem", "iid") for name in FROM_PREMEM}


@pytest.mark.parametrize(
    ("changes", "datasets"),
    [
        ({"collection": {"threshold": 0.75}}, FROM_PREMEM),
        ({"collection": {"ngram": 5}}, FROM_PREMEM | FROM_IID),
        ({"threshold": {"value": 1.4}}, FROM_PREMEM),
        ({"collection": {"share": 0.5}}, set()),
        ({"collection": {"num_examples": 8}}, set()),
    ],
)
def test_a_strategy_collects_anew_where_it_read_what_changed(edited, changes, datasets):
    jobs = would_run(edited(**changes), "--configfile", "edited.yaml")
    for rule in ("collect_examples", "tokenize_data", "train", "sample", "grade_last_samples"):
        assert {dataset for name, dataset in jobs if name == rule} == datasets
    compares = "num_examples" not in changes.get("collection", {})
    assert (("compare_curation", None) in jobs) == compares
    assert not {"draw_start", "prepare_data", "pretrain_model", "measure_perplexity"} & {
        rule for rule, dataset in jobs if dataset not in datasets
    }


def test_p_is_calibrated_on_the_runs_that_curation_starts_from(edited):
    copy = edited(threshold={})
    target = f"{RESULTS}/data/stories-premem-seed0-round1/train.parquet"
    run_study(copy, "--configfile", "edited.yaml", "--", target)
    pair = copy / RESULTS / "pairs" / "tiny" / "stories"
    chosen = json.loads((pair / "threshold.json").read_text())["threshold"]
    assert chosen == best_threshold(read_csv(pair / "calibration.csv")) != 1.5
    scores = pd.read_parquet(pair / "memorization.parquet")
    starts = {f"lr1e-2_ep4_full_seed{seed}": set(training_set(copy, "", seed, 0)["example_id"]) for seed in (0, 1)}
    assert scores.groupby("run")["example_id"].agg(set).to_dict() == starts
