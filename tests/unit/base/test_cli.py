"""premem.base.cli: what each type of a parameter takes on the command line, and what is noted of it."""

import json
from pathlib import Path
from typing import Literal

import pytest

from premem.base import cli, progress, provenance
from premem.base.files import write_text
from premem.config.data import Perturbation
from premem.config.statistics import Grid

NEEDED = ["--grid", "{}", "--files", "a", "b", "--previous", "x/y.parquet", "--label", "steps", "--changes", "{}"]


@pytest.fixture
def call(monkeypatch, tmp_path, root):
    """Run a function from the command line, and return the values that it got."""
    monkeypatch.setattr(provenance, "_current", {})
    monkeypatch.setattr(progress, "_job", "")
    got = {}

    def main(
        grid: Grid,
        files: list[Path],
        previous: Path | None,
        label: str | None,
        changes: dict[str, Perturbation],
        out: Path,
        page: Path | None = None,
        only: Literal["all", "tests"] = "all",
    ) -> None:
        got.update(locals())
        write_text("made", out)

    def run(*words):
        script = root / "workflow" / "scripts" / "grade.py"
        monkeypatch.setattr("sys.argv", [str(script), *words, "--out", str(tmp_path / "out.txt")])
        cli.run(main)
        return got

    return run


def test_an_option_that_may_be_absent_takes_one_word_or_none(call):
    given = call(*NEEDED)
    assert (given["previous"], given["label"], given["page"], given["only"]) == (
        Path("x/y.parquet"),
        "steps",
        None,
        "all",
    )
    assert given["files"] == [Path("a"), Path("b")]
    absent = call("--grid", "{}", "--files", "--previous", "--label", "", "--changes", "{}", "--page")
    assert (absent["files"], absent["previous"], absent["label"], absent["page"]) == ([], None, None, None)
    with pytest.raises(SystemExit):
        call("--grid", "{}", "--files", "--previous", "a", "b", "--label", "--changes", "{}")
    with pytest.raises(SystemExit):
        call(*NEEDED[:-2])  # an option without a default must be there


def test_models_and_dictionaries_are_given_as_json_and_noted(call, tmp_path):
    changes = {"begun": {"answer_begins": " First"}}
    words = ["--grid", '{"points": 8}', *NEEDED[2:-1], json.dumps(changes)]
    given = call(*words)
    assert given["grid"] == Grid(points=8)
    assert given["changes"] == {"begun": Perturbation(answer_begins=" First")}
    noted = json.loads((tmp_path / ".made" / "out.txt.json").read_text())["arguments"]
    assert noted["changes"]["begun"]["answer_begins"] == " First"
    assert (noted["grid"]["points"], noted["previous"], noted["page"]) == (8, "x/y.parquet", None)
    with pytest.raises(SystemExit):
        call(*NEEDED[:-1], '{"begun": {"answer_begin": " First"}}')
