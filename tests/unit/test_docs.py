"""The documentation: it builds without a dead link, its studies are valid, and the README stays short."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from premem.config import load

LONGEST_README = 150
LINK = re.compile(r"\]\(([^)\s]+)\)")


HAVE_MKDOCS = find_spec("mkdocs") and find_spec("material")


@pytest.mark.skipif(not HAVE_MKDOCS, reason="mkdocs is not installed: pip install --group docs")
def test_the_site_builds(root, tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "outputs" / "index.html").is_file()


def test_the_readme_is_short(root):
    assert len((root / "README.md").read_text().splitlines()) <= LONGEST_README


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_local_links_lead_somewhere(root, page):
    links = LINK.findall((root / page).read_text())
    local = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    assert [link for link in local if not (root / link).exists()] == []


def test_the_readme_links_to_every_page(root):
    links = set(LINK.findall((root / "README.md").read_text()))
    assert {f"docs/{page.name}" for page in (root / "docs").glob("*.md")} <= links


def yaml_blocks(root):
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    for page in pages:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)):
            yield pytest.param(yaml.safe_load(block), id=f"{page.stem}-{number}")


AROUND = {  # what a part of a study on a page is taken to stand in
    "study": "around",
    "models": {"tiny": {"path": "my-model"}},
    "datasets": {
        "mine": {
            "train": {"files": ["train.jsonl"]},
            "test": {"test": {"files": ["test.jsonl"]}},
            "answers": "gsm8k",
            "perturbations": {"first": {"answer_begins": " First"}},
        },
        "stories": {"builtin": "arithmetic"},
    },
    "sweep": [{"model": "tiny", "dataset": "mine", "lr": 1e-3, "epochs": 3, "size": "full"}],
}


def put_into(around, part):
    both = {key: put_into(around[key], part[key]) for key in part if isinstance(around.get(key), dict)}
    return {**around, **part, **both}


@pytest.mark.parametrize("part", list(yaml_blocks(Path(__file__).parents[2])))
def test_studies_on_the_pages_are_valid(part, monkeypatch):
    monkeypatch.setattr(load, "missing_paths", lambda study: ())  # the reader's own files
    load.load_study(part if "study" in part else put_into(AROUND, part), "the page")
