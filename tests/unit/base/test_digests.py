"""The digest of a script's code follows what is used, and nothing else."""

from pathlib import Path

import pytest

from premem.base import digests as module

SCRIPT = '''"""A script."""
from premem import cli
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
        module.forget()
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
    inside = {"maths": ("return _times(x)", "from premem.constants import UNUSED\n    return _times(x) + UNUSED")}
    before = digest(**inside)
    assert before != digest(**inside, constants=("UNUSED = 3", "UNUSED = 4"))


MOVED = {
    "premem/maths.py": "",
    "premem/rooms/__init__.py": "",
    "premem/rooms/sums.py": MATHS.replace("premem.constants", "premem.rooms.values")
    .replace("def _times(x):\n    return x * FACTOR\n\n\n", "")
    .replace("import os", "from premem.rooms.products import _times"),
    "premem/rooms/products.py": (
        "from premem.rooms import values as constants\n\n\ndef _times(x):\n    return x * constants.FACTOR\n"
    ),
    "premem/rooms/values.py": "UNUSED = 3\nFACTOR = 2\n",
    "script.py": SCRIPT.replace(
        "from premem import cli\nfrom premem.maths", "import premem.cli as cli\nfrom premem.rooms.sums"
    ),
}


def test_code_that_moves_keeps_its_digest(digest, tmp_path):
    """A module becomes three in a room of their own; functions change places and are imported in other ways."""
    before = digest()
    for name, text in MOVED.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    module.forget()
    assert module.digest_of(tmp_path / "script.py") == before
    (tmp_path / "premem/rooms/values.py").write_text("UNUSED = 3\nFACTOR = 4\n")
    module.forget()
    assert module.digest_of(tmp_path / "script.py") != before


@pytest.mark.parametrize(
    ("imports", "call", "same"),
    [
        ("from math import floor as rounded", "rounded(x)", True),
        ("from math import ceil as rounded", "rounded(x)", False),
        ("from math import floor as down", "down(x)", True),
        ("import math", "math.floor(x)", False),
    ],
)
def test_an_imported_function_is_known_by_its_own_name(digest, imports, call, same):
    def changed(imported, called):
        text = MATHS.replace("import os", imported).replace("return _times(x)", f"return {called}")
        return digest(maths=(MATHS, text))

    assert (changed(imports, call) == changed("from math import floor as rounded", "rounded(x)")) is same


@pytest.mark.parametrize(
    ("body", "follows"),
    [
        ("return [FACTOR for FACTOR in x]", False),
        ("return [FACTOR for x in x]", True),
        ("FACTOR = x\n    return FACTOR", False),
        ("return (lambda FACTOR: FACTOR)(x)", False),
        ("return (lambda y: FACTOR)(x)", True),
        ("def inner(FACTOR=FACTOR):\n        return FACTOR\n    return inner()", True),
        ("return [x for x in x], FACTOR", True),
        ("return [FACTOR for FACTOR in [1]], (lambda: FACTOR)", True),
    ],
)
def test_a_name_that_a_function_binds_itself_is_not_the_module_s(digest, body, follows):
    def with_factor(value):
        return digest(maths=("return _times(x)", body), constants=("FACTOR = 2", f"FACTOR = {value}"))

    assert (with_factor(2) != with_factor(3)) is follows


def test_every_script_of_the_workflow_has_a_digest(root):
    scripts = sorted((root / "workflow" / "scripts").glob("*.py"))
    digests = {script.name: module.digest_of(script) for script in scripts}
    assert len(set(digests.values())) == len(scripts)
