"""The digest of a script's code follows what is used, and nothing else."""

from pathlib import Path

import pytest

from premem.base import digests as module

SCRIPT = '''"""A script."""
from premem.base import cli
from premem.maths import double


def main():
    print(double(2))


if __name__ == "__main__":
    cli.run(main)
'''
MATHS = '''"""Some functions."""
from premem.constants import FACTOR, UNUSED
import os


def double(x):
    """Twice x."""
    return _times(x)  # a comment


def _times(x):
    return x * FACTOR


def halve(x):
    return x / FACTOR
'''
FILES = {
    "script.py": SCRIPT,
    "premem/__init__.py": "",
    "premem/cli.py": "def run(main):\n    main()\n",
    "premem/maths.py": MATHS,
    "premem/constants.py": "FACTOR = 2\nUNUSED = 3\n",
}


@pytest.fixture
def digest(tmp_path):
    def digest(**changes: tuple[str, str]):
        module._parse.cache_clear()
        for name, text in FILES.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            old, new = changes.get(Path(name).stem, ("", ""))
            assert old in text
            path.write_text(text.replace(old, new) if old else text)
        return module.digest_of(tmp_path / "script.py")

    return digest


@pytest.mark.parametrize(
    "edit",
    [
        {"maths": ("# a comment", "# another")},
        {"maths": ('"""Twice x."""', '"""Two times x."""')},
        {"maths": ("return _times(x)", "return _times(\n        x\n    )")},
        {"maths": ("return x / FACTOR", "return x / FACTOR / 1")},
        {"constants": ("UNUSED = 3", "UNUSED = 4")},
        {"script": ('"""A script."""', '"""The script."""')},
    ],
)
def test_what_is_not_used_or_not_code_does_not_count(digest, edit):
    assert digest(**edit) == digest()


@pytest.mark.parametrize(
    "edit",
    [
        {"script": ("double(2)", "double(3)")},
        {"maths": ("return _times(x)", "return _times(x) + 0")},
        {"maths": ("x * FACTOR", "x * FACTOR * 1")},
        {"constants": ("FACTOR = 2", "FACTOR = 3")},
        {"cli": ("main()", "main(), main()")},
        {"maths": ("import os", "os.environ['A'] = 'b'")},
    ],
)
def test_what_is_used_counts_however_far_away(digest, edit):
    assert digest(**edit) != digest()


def test_an_import_within_a_function_is_followed(digest):
    inside = {"maths": ("return _times(x)", "from premem.constants import UNUSED\n    return _times(x)")}
    before = digest(**inside)
    assert before != digest(**inside, constants=("UNUSED = 3", "UNUSED = 4"))


def test_every_script_of_the_workflow_has_a_digest(root):
    scripts = sorted((root / "workflow" / "scripts").glob("*.py"))
    digests = {script.name: module.digest_of(script) for script in scripts}
    assert len(set(digests.values())) == len(scripts)
