"""Questions about a study, answered at once, and calls that cannot be answered."""

import pytest
import yaml

from calls import run_study, snakemake

LONGEST_ARGUMENT = 131_072  # bytes that Linux takes as one word of a command


@pytest.mark.parametrize(
    ("stage", "said"), [("plan", "runs         3, of which 3 train now"), ("unused", "mentions all")]
)
def test_a_study_longer_than_an_argument_is_read(checkout, tmp_path, stage, said):
    study = yaml.safe_load((checkout / "config" / "tiny.yaml").read_text())
    long = {**study["datasets"]["arithmetic"], "prompt": "{question} " + "and so on " * 900}
    study["datasets"] |= {f"spare{i}": long for i in range(LONGEST_ARGUMENT // 9000 + 1)}
    study["results"] = str(tmp_path / "results")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    assert said in run_study(checkout, "--configfile", tmp_path / "study.yaml", "--", stage)
    assert said in (tmp_path / "results" / "tiny" / "logs" / f"{stage}.log").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--", "sample"], "sample: there is no stage of this name; did you mean samples?"),
        (["--config", "threshold={grid: 3}"], "threshold.grid"),
        (["--config", "results=a{b}"], "results: a path cannot be empty or hold braces"),
    ],
)
def test_what_is_wrong_is_said_without_a_trace_also_under_quiet(checkout, options, said):
    done = snakemake(checkout, "--dry-run", "--quiet", "all", "--configfile", "config/tiny.yaml", *options)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr and "File " not in done.stderr
