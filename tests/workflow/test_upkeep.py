"""Questions about a study: what it will take, and which results it no longer mentions."""

import pytest
import yaml

from calls import run_study

LONGEST_ARGUMENT = 131_072  # bytes that Linux takes as one word of a command


@pytest.mark.parametrize(
    ("stage", "said"), [("plan", "runs         3, of which 3 train now"), ("unused", "mentions all")]
)
def test_a_study_longer_than_an_argument_is_read(checkout, tmp_path, stage, said):
    study = yaml.safe_load((checkout / "config" / "tiny.yaml").read_text())
    study["datasets"]["arithmetic"]["prompt"] = "{question} " + "and so on " * (LONGEST_ARGUMENT // 10)
    study["results"] = str(tmp_path / "results")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    assert said in run_study(checkout, "--configfile", tmp_path / "study.yaml", "--", stage)
    assert said in (tmp_path / "results" / "tiny" / "logs" / f"{stage}.log").read_text()
