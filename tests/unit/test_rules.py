"""The rules as a whole: what they run, how their commands are quoted, and what `snakemake --lint` finds in them."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.linting.rules import RuleLinter
from snakemake.linting.snakefiles import SnakefileLinter
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings
from snakemake.workflow import Workflow

from premem.base.digests import digest_of

STUDIES = ("tiny", "tiny-curation")  # the second one has curation, and samples all checkpoints of a run together


@contextmanager
def read_workflow(
    snakefile: Path, study: Path, folder: Path, targets: tuple[str, ...] | None = None
) -> Iterator[Workflow]:
    """The workflow as Snakemake reads it for a study, called from a folder; with jobs if there are targets."""
    here = Path.cwd()
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        try:
            workflow_api = api.workflow(
                resource_settings=ResourceSettings(cores=2),
                config_settings=ConfigSettings(configfiles=[study]),
                snakefile=snakefile,
                workdir=folder,
            )
            if targets is not None:
                with redirect_stdout(StringIO()):
                    workflow_api.dag(DAGSettings(targets=set(targets))).printrulegraph()
            yield workflow_api._workflow
        finally:
            os.chdir(here)


@pytest.fixture(scope="module")
def workflows(root, tmp_path_factory) -> Iterator[list[Workflow]]:
    with (
        read_workflow(root / "Snakefile", root / "config" / "tiny.yaml", tmp_path_factory.mktemp("tiny")) as tiny,
        read_workflow(root / "Snakefile", root / "config" / "tiny-curation.yaml", tmp_path_factory.mktemp("c")) as more,
    ):
        yield [tiny, more]


@pytest.fixture(scope="module")
def rules(workflows) -> dict[str, Rule]:
    found = {rule.name: rule for workflow in workflows for rule in workflow.rules}
    assert {"sample_checkpoint", "sample_4_epochs", "sample_last_tests", "train_2_epochs", "plan"} <= found.keys()
    return found


def words_of_call(rule: Rule) -> list[str]:
    """The words that start a rule's script."""

    class Resources:
        gpu = 0

    return list(map(str, rule.params.call(None, Resources)))


def test_every_rule_says_in_its_docstring_what_it_does(rules):
    for rule in rules.values():
        first = (rule.docstring or "").partition("\n")[0]
        assert re.fullmatch(r"[A-Z][a-z-]+ .*[.:]", first), f"{rule.name}: {first}"
        assert not first.split()[0].endswith(("ing", "s")), f"{rule.name}: start with a verb, as in: Train a model."


def test_every_rule_tracks_the_code_of_the_script_that_it_runs(rules, root):
    scripts = root / "workflow" / "scripts"
    for rule in rules.values():
        if not rule.shellcmd:
            continue
        assert ".py" not in rule.shellcmd, rule.name
        starts_script = rule.shellcmd.removeprefix("HF_HUB_OFFLINE=0 ").startswith("{params.call:q} ")
        assert starts_script == (hasattr(rule.params, "call")), rule.name
        if starts_script:
            script = Path(words_of_call(rule)[-1])
            assert script.parent == scripts, rule.name
            assert rule.params.code(None) == digest_of(script), rule.name
    started = {words_of_call(rule)[-1] for rule in rules.values() if hasattr(rule.params, "call")}
    helpers = {"check_study.py", "explain.py", "launch.py", "on_gpus.py", "write_reference.py"}
    assert {Path(script).name for script in started} | helpers == {path.name for path in scripts.glob("*.py")}


def test_every_text_in_a_command_is_quoted(rules):
    numbers = {"{threads}", "{resources.gpu}"}
    for rule in rules.values():
        for field in set(re.findall(r"{[^{}]*}", rule.shellcmd or "")) - numbers:
            assert field.endswith(":q}"), f"{rule.name}: {field} is not quoted"


def test_snakemake_lint_finds_nothing(workflows):
    for workflow in workflows:
        for linter in (RuleLinter(workflow, workflow.rules), SnakefileLinter(workflow, workflow.included)):
            found, _ = linter.lint(json=True)
            assert [(entry["for"], lint["title"]) for entry in found for lint in entry["lints"]] == []


def test_a_target_that_the_study_lacks_is_refused_with_a_hint(root, tmp_path):
    runs = "results/tiny/runs/tiny/arithmetic"
    said = {
        "sample": "no stage of this name; did you mean samples?",
        "xyz": "no stage of this name; stages are plan, unused, remove_unused, all, data, train, samples",
        "results/tiny/sumary.md": "did you mean results/tiny/summary.md?",
        "results/small/x/y.md": "its results are below results/tiny",
        f"{runs}/lr3e-2_ep4_full_seed0/grades.parquet": "the study has no run",
        "samples": "",
        "results/tiny/summary.md": "",
        "./results//tiny/summary.md": "",
        f"{runs}/lr1e-2_ep4_full_seed0/figures/training_curve.png": "",
    }
    with read_workflow(root / "Snakefile", root / "config" / "tiny.yaml", tmp_path) as workflow:
        for target, hint in said.items():
            problem = workflow.globals["problem_of"](target)
            assert hint in problem if hint else problem is None, target


def test_a_newer_snakemake_is_met_with_a_warning(root, tmp_path, monkeypatch, caplog):
    for installed, warns in (("9.27.4", False), ("9.28.0", True), ("10.0.1", True)):
        caplog.clear()
        monkeypatch.setattr("importlib.metadata.version", lambda _, installed=installed: installed)
        with read_workflow(root / "Snakefile", root / "config" / "tiny.yaml", tmp_path):
            assert (f"Snakemake {installed} is newer than the tested version 9.27" in caplog.text) == warns


@pytest.mark.parametrize("use", ["module premem:\n    snakefile: {!r}\nuse rule * from premem", "include: {!r}"])
def test_use_as_a_module_is_refused_in_one_line(root, tmp_path, use):
    (tmp_path / "Snakefile").write_text(use.format(str(root / "Snakefile")) + "\n")
    with (
        pytest.raises(SystemExit, match=r"^error: premem cannot be a Snakemake module or be included; [^\n]*$"),
        read_workflow(tmp_path / "Snakefile", root / "config" / "tiny.yaml", tmp_path),
    ):
        pass


def hostile(name: str) -> str:
    """A text that would run something in a command unless it is quoted, and that looks like an option."""
    return f"-x'\"; touch {name}; $(touch {name}) `touch {name}` > {name} #"


@pytest.fixture
def hostile_study(root, tmp_path) -> dict[str, Any]:
    """A study in which every text is hostile that a study may choose freely."""
    study = yaml.safe_load((root / "config" / "tiny.yaml").read_text())
    model, release = tmp_path / hostile("model"), tmp_path / hostile("release")
    model.mkdir(parents=True)
    (release / "tiny_run").mkdir(parents=True)
    (release / "tiny_run" / "train.npy").touch()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (model / name).write_text("{}")
    for name in ("train", "test"):
        (tmp_path / hostile(name)).write_text("{}")
    study["results"] = hostile("results")
    study["models"]["hub"] = {"hub": "owner/hub", "revision": "0a1b2c", "parameters": 1000}
    study["models"]["own"] = {"path": str(model)}
    study["datasets"]["mine"] = {
        "train": {"files": [hostile("train")]},
        "test": {"test": {"files": [hostile("test")]}},
        "answers": "gsm8k",
        "prompt": "{question}" + hostile("prompt"),
        "target": "{solution}" + hostile("stop"),
        "stop": hostile("stop"),
        "difficulty": hostile("difficulty"),
        "columns": {hostile("difficulty"): hostile("column")},
    }
    study["hardware"] = {"gpu": True, "python": {job: str(tmp_path / hostile(job)) for job in ("train", "sample")}}
    line = {"dataset": "mine", "lr": 1e-2, "epochs": 1, "size": "full"}
    study["sweep"] += [{"model": "own", **line}, {"model": "hub", **line}]
    study["analyses"] = ["scrutiny", "predictors", "robustness", "example_reports", "model_comparison"]
    return study


def test_no_text_of_a_study_is_run(root, hostile_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(hostile_study))
    arguments: dict[str, list[str]] = {}
    with read_workflow(root / "Snakefile", tmp_path / "study.yaml", tmp_path, ("all", "unused")) as workflow:
        jobs = {job.rule.name: job for job in workflow.dag.jobs if job.shellcmd}
        jobs |= {job.rule.name: job for job in workflow.dag.jobs if job.shellcmd and "mine" in str(job.wildcards)}
        for name, job in jobs.items():
            if not hasattr(job.params, "call"):
                continue
            call = " ".join(shlex.quote(str(word)) for word in job.params.call)
            assert call in job.shellcmd
            command = job.shellcmd.replace(call, "printf '%s\\0'").replace("2>&1 | tee", "#")
            done = subprocess.run(["bash", "-euc", command], cwd=tmp_path, capture_output=True, text=True, check=True)
            arguments[name] = done.stdout.split("\0")
    assert len(arguments) > 25
    assert {"--hub=owner/hub", "--revision=0a1b2c"} <= set(arguments["fetch_model"])  # a study takes no others
    for name in ("sample_checkpoint", "measure_weights"):
        assert f"--stop={hostile('stop')}" in arguments[name]
    settings = [json.loads(word) for word in arguments["tokenize_data"] if word.startswith("{")]
    assert any(hostile("prompt") in block["prompt"] for block in settings)
    assert any(hostile("results") in word for word in arguments["regress"])
    assert not {path.name for path in tmp_path.iterdir()} & {"hub", "revision", "stop", "results", "train", "model"}
