"""What made a result, why it is stale, and which results a study no longer mentions."""

from pathlib import Path

import pytest

from premem.base import provenance
from premem.base.files import whole
from premem.jobs.explain import describe, why_stale
from premem.jobs.plan import Job

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
