"""The rooms of the package: imports run in one direction, no two files import each other, no file grows too long.

A file that must be longer than ``MOST_LINES`` says so in its module docstring: "Longer than 400 lines because …".
"""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOMS = ("base", "config", "scoring", "data", "lm", "report", "analysis")
"""From the ground up; each room uses only itself and those before it."""
USES = {room: ROOMS[: position + 1] for position, room in enumerate(ROOMS)} | {"jobs": ("base", "config", "jobs")}
MOST_LINES = 400
REASON = re.compile(rf"longer than {MOST_LINES} lines because \w+", re.IGNORECASE)


def imports_of(file: Path, scripts: Path) -> Iterator[Path]:
    """Yield the files of the package that a file imports, within functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: the project imports by full names"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for parts in (name.split(".") for name in names if name.startswith("premem.")):
            whole, owner = scripts.joinpath(*parts), scripts.joinpath(*parts[:-1])
            found = [whole.with_suffix(".py"), whole / "__init__.py", owner.with_suffix(".py"), owner / "__init__.py"]
            yield next(path for path in found if path.is_file())


def upward_imports(scripts: Path) -> list[str]:
    """Return the imports that no room may have."""
    package = scripts / "premem"
    return [
        f"{file.relative_to(package)} imports {imported.relative_to(package)}"
        for file in sorted(package.glob("*/**/*.py"))
        for imported in imports_of(file, scripts)
        if imported.relative_to(package).parts[0] not in USES[file.relative_to(package).parts[0]]
    ]


def cycle(scripts: Path) -> list[str]:
    """Return files that import each other, in order; none if there is no cycle."""
    graph = {file: set(imports_of(file, scripts)) - {file} for file in (scripts / "premem").rglob("*.py")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(file.relative_to(scripts)) for file in error.args[1]]
    return []


def too_long(scripts: Path) -> list[str]:
    """Return the files that are too long and give no reason."""
    return [
        f"{file.relative_to(scripts)}: {lines} lines"
        for file in sorted(scripts.rglob("*.py"))
        if (lines := len((text := file.read_text(encoding="utf-8")).splitlines())) > MOST_LINES
        and not REASON.search(ast.get_docstring(ast.parse(text)) or "")
    ]


@pytest.fixture
def scripts(root):
    return root / "workflow" / "scripts"


def test_each_room_uses_only_those_before_it(scripts):
    assert {path.name for path in (scripts / "premem").iterdir() if path.is_dir()} - {"__pycache__"} == set(USES)
    assert upward_imports(scripts) == []


def test_no_two_files_import_each_other(scripts):
    assert cycle(scripts) == []


def test_no_file_is_too_long_without_a_reason(scripts):
    assert too_long(scripts) == []


def write(scripts: Path, **files: str) -> Path:
    """Write modules of a made-up package; ``base__tables`` is premem/base/tables.py."""
    for name, text in files.items():
        path = scripts / "premem" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return scripts


def test_an_import_upward_is_found(tmp_path):
    late = "def f():\n    from premem.lm.models import load_model\n"
    write(tmp_path, base__files="", lm__models="import premem.base.files\n", config__study=late, jobs__plan=late)
    assert upward_imports(tmp_path) == ["config/study.py imports lm/models.py", "jobs/plan.py imports lm/models.py"]


def test_a_cycle_through_a_late_import_is_found(tmp_path):
    files = {"data__a": "from premem.data import b\n", "data__b": "def f():\n    from premem.data.a import x\n"}
    write(tmp_path, **files)
    assert set(cycle(tmp_path)) == {"premem/data/a.py", "premem/data/b.py"}


@pytest.mark.parametrize(
    ("docstring", "found"),
    [("", 1), ("Long.", 1), ("Longer than 400 lines because a table has no end.", 0), ("Longer than 400 lines.", 1)],
)
def test_a_long_file_needs_a_reason(tmp_path, docstring, found):
    write(tmp_path, base__long=f'"""{docstring}"""\n' + "x = 1\n" * MOST_LINES, base__short="x = 1\n" * MOST_LINES)
    assert len(too_long(tmp_path)) == found
