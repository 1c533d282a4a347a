"""What made a result, why it is stale, and which results a study no longer mentions."""

import json
from pathlib import Path

import pytest

from premem.base import provenance
from premem.base.files import whole
from premem.config.load import load_study
from premem.jobs.explain import describe, why_stale
from premem.jobs.plan import Job
from premem.jobs.unused import find_unused, remove_unused

SUFFIXES = {".parquet", ".txt", ".pdf", ".svg", ".log", ".tsv"}
PARAMS = "Params have changed since last execution: Union of exclusive params before and now across all output: "


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ('\'{"lr":1,"warmup_steps":20}\'', '\'{"lr":1,"warmup_steps":40}\'', "warmup_steps 20 → 40"),
        ('\'{"grid":{"points":2}}\'', '\'{"grid":{"points":3}}\'', "grid.points 2 → 3"),
        ("0.5,'{\"n\":1}'", "'{\"n\":2}',0.25", "n 1 → 2; 0.5 → 0.25"),
        ("'0123456789abcdef'", "'fedcba9876543210'", "its code changed (0123456789abcdef → fedcba9876543210)"),
    ],
)
def test_a_changed_setting_is_named(before, now, said):
    job = Job("train", {"size": "full"}, f"{PARAMS}before: {before} now: {now} ")
    assert why_stale([job]) == [f"train (size=full): {said}"]


def test_what_only_follows_is_not_blamed():
    follows = Job("regress", {}, "Input files updated by another job: a.parquet, b.parquet")
    lost = Job("sample", {}, "Missing output files: s.parquet; Input files updated by another job: a.parquet")
    assert why_stale([follows, lost]) == ["sample: missing output files: s.parquet"]


def test_a_result_leads_back_to_its_data(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(Path(__file__).parents[3] / "workflow" / "scripts" / "grade.py")])
    data, scores = tmp_path / "data" / "mine" / "train.parquet", tmp_path / "scores.csv"
    try:
        provenance.record("prepare_data", {"seed": 3, "out": data})
        with whole(data) as aside:
            aside.write_text("1")
        provenance.record("score_run", {"grader": "strict", "data": [data], "out": scores})
        with whole(scores) as aside:
            aside.write_text("2")
    finally:
        provenance.record("", {})
        provenance._current.clear()
    said = describe(scores)
    for text in (
        "score_run.py",
        "grader",
        "strict",
        "prepare_data.py",
        "seed",
        "device",
        "mine/train.parquet",
        "6b86b273",
    ):
        assert text in said
    assert "nothing is known" in describe(tmp_path / "other")


def test_what_a_study_does_not_mention_is_listed_and_removed_only_when_told_to(tmp_path):
    study = load_study(
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
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(json.dumps(file))
    found = find_unused(study, tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in found) == sorted(unused)
    remove_unused(found)
    assert find_unused(study, tmp_path) == []
    assert all((tmp_path / file).is_file() for file in kept)
