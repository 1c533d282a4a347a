"""The documentation: it builds without a dead link, and the README stays short."""

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

LONGEST_README = 150
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.skipif(find_spec("mkdocs") is None or find_spec("material") is None, reason="pip install --group docs")
def test_the_site_builds(root, tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
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
