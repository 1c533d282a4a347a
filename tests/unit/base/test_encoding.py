"""Texts are UTF-8 whatever the locale: every call that reads or writes one says so."""

import ast

import pytest

READS_OR_WRITES = {"read_text", "write_text", "open", "NamedTemporaryFile", "fdopen"}


def calls_without_encoding(tree):
    """Yield the calls that open a file or a pipe as text and name no encoding."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", None))
        keywords = {keyword.arg for keyword in call.keywords}
        values = (*call.args, *(keyword.value for keyword in call.keywords))
        modes = [str(value.value) for value in values if isinstance(value, ast.Constant)]
        is_binary = any("b" in mode and set(mode) <= set("rwaxb+") for mode in modes)
        of_files = name in READS_OR_WRITES and not is_binary
        if (of_files or {"text", "universal_newlines"} & keywords) and "encoding" not in keywords:
            yield call


def test_every_text_has_its_encoding_said(root):
    found = [
        f"{path.relative_to(root)}:{call.lineno}"
        for path in sorted((root / "workflow").rglob("*.py"))
        for call in calls_without_encoding(ast.parse(path.read_text(encoding="utf-8")))
        # Ours, which says it.
        if not isinstance(call.func, ast.Name) or call.func.id == "open"
    ]
    assert not found


@pytest.mark.parametrize(
    ("call", "is_found"),
    [
        ("path.read_text()", True),
        ("path.write_text(text, encoding='utf-8')", False),
        ("open(path, 'w')", True),
        ("path.open('rb')", False),
        ("subprocess.run(command, text=True)", True),
        ("subprocess.run(command, capture_output=True)", False),
    ],
)
def test_such_calls_are_found(call, is_found):
    assert bool([*calls_without_encoding(ast.parse(call))]) == is_found
