"""What a study no longer mentions is found and removed; what is not the workflow's own stays, wherever links lead."""

import json
from pathlib import Path

import pytest

from premem.base.provenance import path_of
from premem.config.load import load_study
from premem.config.study import Study
from premem.jobs.unused import find_unused, remove_unused, size_of

SUFFIXES = {".txt", ".parquet", ".pdf", ".svg", ".log", ".tsv"}
OLD = "runs/m/arithmetic/lr1e-2_ep4_full_seed0"


@pytest.fixture
def study() -> Study:
    return load_study(
        {
            "study": "mine",
            "models": {"m": {"hub": "a/b", "revision": "c"}},
            "datasets": {"arithmetic": {"builtin": "arithmetic"}},
            "sweep": [{"model": "m", "dataset": "arithmetic", "lr": 1e-3, "epochs": 4, "size": "full"}],
            "checkpoints": {"every": 2},
            "figures": {"formats": ["png"]},
        },
        "study.yaml",
    )


def make(result: Path, made: bool = True) -> None:
    """Write a result, and what says that the workflow made it."""
    for path in (result, path_of(result)) if made else (result,):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result.name))


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_a_study_does_not_mention_is_listed_and_removed_only_when_told_to(study, tmp_path):
    run = "runs/m/arithmetic/lr1e-3_ep4_full_seed0"
    kept = ["models/m/config.json", "models/m.json", "data/arithmetic/train.parquet", f"{run}/epoch-2/samples.parquet"]
    kept += [f"tokens/m/arithmetic/{name}" for name in ("train.parquet", "test.parquet", "checked.json")]
    kept += [f"pairs/m/arithmetic/{name}" for name in ("points.csv", "figures/threshold.png", "figures/own.txt")]
    kept += [f"{run}/points.parquet", f"{run}/figures/training_curve.png", "data/checked", "summary.md"]
    kept += ["settings/m.txt", "settings/training_ep4_full.txt"]
    removed = "m/arithmetic/lr1e-2_ep4_full_seed0"
    unused = ["models/n", "data/arithmetic/old.parquet", "tokens/m/arithmetic/old.parquet", "tokens/n/arithmetic"]
    unused += ["settings/n.txt", "settings/training_ep2_full.txt", "curation", f"{run}/epoch-3", f"runs/{removed}"]
    unused += [f"{pair}/threshold.pdf" for pair in ("pairs/m/arithmetic/figures", "pairs/m/arithmetic/scrutiny")]
    unused += [f"{run}/figures/training_curve.svg"]
    for folder, ending in (("logs", "log"), ("benchmarks", "tsv")):
        # What has no run in its name may be of a pair or of data, so it stays.
        kept += [f"{folder}/{name}.{ending}" for name in ("summarize", "fetch_model/n", "regress/n/arithmetic")]
        kept += [f"{folder}/tokenize_data/m/arithmetic/train.{ending}"]
        kept += [f"{folder}/score_{run}.{ending}", f"{folder}/sample_{run}/epoch-2.{ending}"]
        unused += [f"{folder}/score_runs/{removed}.{ending}", f"{folder}/sample_runs/{removed}"]
        unused += [f"{folder}/sample_{run}/epoch-3.{ending}"]
    for file in [*kept, *(name if Path(name).suffix in SUFFIXES else f"{name}/file" for name in unused)]:
        make(tmp_path / file)
    found = find_unused(study, tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in found) == sorted(unused)
    assert remove_unused(found, tmp_path) == []
    assert find_unused(study, tmp_path) == []
    assert not any((tmp_path / name).exists() for name in unused)
    assert all((tmp_path / file).is_file() for file in kept)


@pytest.fixture
def others(tmp_path):
    """Files of other people, outside the results."""
    make(tmp_path / "shared" / "models" / "theirs" / "config.json")
    make(tmp_path / "shared" / "lr1e-2_ep4_full_seed0" / "points.parquet")
    return tmp_path / "shared"


@pytest.mark.parametrize(
    ("link", "target", "goes"),
    [
        ("models", "models", False),  # all results of a kind lie elsewhere: not looked into
        ("models/old", "models", True),  # in the place of a result: the link goes, what it points to stays
        (OLD, "lr1e-2_ep4_full_seed0", True),
        ("runs/m", "", False),
        ("data/arithmetic/old.parquet", "models/theirs/config.json", True),
        ("data/arithmetic/broken.parquet", "nothing", True),
        (f"{OLD}/precious", "models", False),
    ],
)
def test_a_link_is_never_followed(study, tmp_path, others, link, target, goes):
    results, before = tmp_path / "results", tree(others)
    make(results / f"{OLD}/points.parquet") if link != OLD and not OLD.startswith(f"{link}/") else None
    (results / link).parent.mkdir(parents=True, exist_ok=True)
    (results / link).symlink_to(others / target)
    found = find_unused(study, results)
    assert all(size_of(path, results) > 0 for path in found)
    remove_unused(found, results)
    assert tree(others) == before
    assert (results / link).is_symlink() is not goes
    assert not (results / OLD / "points.parquet").exists() or (results / OLD).is_symlink() or link == "runs/m"


def test_what_somebody_put_among_the_results_stays(study, tmp_path):
    make(tmp_path / OLD / "points.parquet")
    make(tmp_path / OLD / "epoch-2" / "samples.parquet")
    make(tmp_path / OLD / "notes.txt", made=False)
    make(tmp_path / "pairs" / "m" / "own" / "draft.tex", made=False)
    make(tmp_path / "models" / "own" / "config.json", made=False)
    found = find_unused(study, tmp_path)
    assert found == [tmp_path / OLD]
    assert remove_unused(found, tmp_path) == [tmp_path / OLD]
    left = sorted(tree(tmp_path))
    assert left == [f"{'models/own/config.json'}", "pairs/m/own/draft.tex", f"{OLD}/notes.txt"]
    assert find_unused(study, tmp_path) == []


def test_what_a_killed_job_left_half_written_is_found_anywhere(study, tmp_path):
    run = "runs/m/arithmetic/lr1e-3_ep4_full_seed0"
    half = ["models/.old.partial/config.json", f"{run}/.points.parquet.partial", "tokens/m/.removed.removed/a"]
    for name in half:
        make(tmp_path / name, made=False)
    make(tmp_path / run / "points.parquet")
    found = find_unused(study, tmp_path)
    assert {path.name for path in found} == {".old.partial", ".points.parquet.partial", ".removed.removed"}
    remove_unused(found, tmp_path)
    assert [name for name in tree(tmp_path) if not name.startswith(f"{run}/")] == []
    assert (tmp_path / run / "points.parquet").is_file()
