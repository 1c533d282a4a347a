"""A digest of the code that a script really uses.

The script's own statements, and of the project's modules the functions, classes and constants that they name, followed
from one to the next. Comments, docstrings and formatting do not count. Rules carry the digest as a parameter, so that
an edit of a function reruns exactly the rules that use it, and a fresh checkout reruns nothing.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

PACKAGE = "premem"
REPORTING = {"errors", "progress", "provenance"}
"""Modules that tell people what happens and change no value; an edit of them makes nothing stale."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Symbol = tuple[Path, str]  # a module and a name at its top level; "" stands for what runs when it is imported


def fingerprint(script: Path) -> str:
    """Return the digest of the code used by a script that lies beside the package, as 16 hexadecimal digits."""
    root = script.parent
    todo: list[Symbol] = [(script, name) for name in _parse(script)]
    used: dict[Symbol, str] = {}
    while todo:
        symbol = module, name = todo.pop()
        if symbol in used or module.stem in REPORTING or name not in _parse(module):
            continue
        nodes = _parse(module)[name]
        used[symbol] = "".join(ast.dump(node) for node in nodes)
        for node in nodes:
            todo.extend(_symbols_in(node, module, root))
    text = "\n".join(f"{module.relative_to(root)} {name} {code}" for (module, name), code in sorted(used.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _parse(module: Path) -> dict[str, list[ast.stmt]]:
    """Return a module's top-level statements by the name that they define ("" for those that define none)."""
    tree = ast.parse(module.read_text())
    _strip_docstrings(tree)
    by_name: dict[str, list[ast.stmt]] = {"": []}
    for node in chain.from_iterable(map(_split_import, tree.body)):
        for name in _defined_names(node):
            by_name.setdefault(name, []).append(node)
    return by_name


def _split_import(node: ast.stmt) -> list[ast.stmt]:
    """One statement per imported name, so that each can be followed by itself."""
    match node:
        case ast.ImportFrom():
            return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
        case ast.Import():
            return [ast.Import([alias]) for alias in node.names]
        case _:
            return [node]


def _defined_names(node: ast.stmt) -> list[str]:
    if isinstance(node, Definition):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in ast.walk(target)]
        names = [part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        return names or [""]
    return [""]


def _symbols_in(node: ast.stmt, module: Path, root: Path) -> Iterator[Symbol]:
    """Yield what a statement refers to: names of its own module, and what it imports from the package."""
    yield module, ""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield module, part.id
        elif isinstance(part, ast.ImportFrom) and part.module and part.module.partition(".")[0] == PACKAGE:
            for alias in part.names:
                source = _module_file(part.module, root)
                submodule = _module_file(f"{part.module}.{alias.name}", root)
                if submodule.is_file():  # `from premem import tables`: which of its names are used is not followed
                    yield from ((submodule, name) for name in _parse(submodule))
                else:
                    yield source, alias.name
                    yield source, ""


def _module_file(name: str, root: Path) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _strip_docstrings(tree: ast.Module) -> None:
    """Remove every statement that is only a string: docstrings of modules, functions, classes and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | Definition):
            node.body = [
                statement
                for statement in node.body
                if not (
                    isinstance(statement, ast.Expr)
                    and isinstance(statement.value, ast.Constant)
                    and isinstance(statement.value.value, str)
                )
            ]
