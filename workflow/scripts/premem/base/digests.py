"""A digest of the code that a script really uses.

The script's own statements, and of the project's modules the functions, classes and constants that they name, followed
from one to the next. Comments, docstrings, formatting, import statements and the module that holds a definition do not
count. Rules carry the digest as a parameter, so that an edit of a function reruns exactly the rules that use it, while
a fresh checkout or moved code reruns nothing.
"""

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PACKAGE = "premem"
REPORTING = {"errors", "progress", "provenance"}
"""Modules that tell people what happens and change no value; an edit of them makes nothing stale."""
IMPORTED = "<imported>"
"""Stands for the statements of a module that define nothing, and run when it is imported."""
MARK = "<definition>"
"""Stands for a reference to a definition of the package."""
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar
Import = ast.Import | ast.ImportFrom
Symbol = tuple[Path, str]
"""A module and a name at its top level, or ``IMPORTED``."""


@dataclass
class _Module:
    """What a module's text says of itself, without docstrings."""

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    """Top-level statements by the name that they define, or ``IMPORTED``."""
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Imported names, also those within functions: a module, and the name in it (None stands for the module itself)."""


@cache
def digest_of(script: Path) -> str:
    """Return the digest of the code used by a script that lies next to the package, as 16 hexadecimal digits.

    Definitions are numbered in the order in which they are met, and a reference is written as the number of what it
    refers to, so that nothing depends on where a definition lies or how it is imported.
    """
    found = {(script, name): number for number, name in enumerate(sorted(_parse(script).definitions))}
    todo = [*found]
    digest = hashlib.sha256()
    for symbol in todo:  # it grows meanwhile
        text, references = _write(*symbol, script.parent)
        for reference in references:
            if reference not in found:
                found[reference] = len(found)
                todo.append(reference)
        digest.update(f"{found[symbol]} {text} {[found[reference] for reference in references]}\n".encode())
    return digest.hexdigest()[:16]


def forget() -> None:
    """Let files be read anew, where a process outlives an edit of the code."""
    digest_of.cache_clear()
    _write.cache_clear()
    _parse.cache_clear()


@cache  # many scripts use the same
def _write(module: Path, name: str, root: Path) -> tuple[str, list[Symbol]]:
    """Return what defines a name, with a mark in the place of every reference to the package, and the references."""
    writer = _References(module, root)
    if name != IMPORTED:
        writer.refer(module, IMPORTED)
    # What the writer changes is not needed any more, but for a statement that defines several names.
    nodes = [copy.deepcopy(n) if len(_defined_names(n)) > 1 else n for n in _parse(module).definitions[name]]
    return "".join(ast.dump(writer.visit(node)) for node in nodes), writer.found


class _References(ast.NodeTransformer):
    """Puts a mark in the place of every reference to a definition of the package, and leaves imports out."""

    def __init__(self, module: Path, root: Path) -> None:
        self.module, self.root = module, root
        self.found: list[Symbol] = []
        self.local: list[set[str]] = []

    def refer(self, module: Path, name: str) -> bool:
        """Note a reference, if the module has such a definition."""
        there = name in _parse(module).definitions and module.stem not in REPORTING
        if there:
            self.found.append((module, name))
        return there

    def resolve(self, module: Path, name: str) -> str | Path | None:
        """Return what a name of a module stands for: its mark, a module of the package, or None (its own name)."""
        if module.stem in REPORTING:
            return f"{module.stem}.{name}"
        if self.refer(module, name):
            return MARK
        if name not in _parse(module).imports:
            return None
        source, imported = _parse(module).imports[name]
        if source.partition(".")[0] != PACKAGE:
            return f"{source}.{imported}" if imported else source
        if imported is None:
            return _module_file(source, self.root)
        submodule = _module_file(f"{source}.{imported}", self.root)
        if submodule.is_file():
            return submodule
        source_file = _module_file(source, self.root)
        self.refer(source_file, IMPORTED)
        return self.resolve(source_file, imported)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Store) or self._is_local(node.id):
            return node
        match self.resolve(self.module, node.id):
            case str() as reference:
                node.id = reference
            case Path() as whole:  # a module, used as a value: which of its names are used is not known
                node.id = " ".join(str(self.resolve(whole, name)) for name in sorted(_parse(whole).definitions))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and self._is_imported(node.value.id):
            whole = self.resolve(self.module, node.value.id)
            if isinstance(whole, Path) and isinstance(reference := self.resolve(whole, node.attr), str):
                return ast.Name(reference, node.ctx)
        return self.generic_visit(node)

    def _is_local(self, name: str) -> bool:
        return any(name in names for names in self.local)

    def _is_imported(self, name: str) -> bool:
        return name in _parse(self.module).imports and not self._is_local(name)

    def visit_Import(self, node: Import) -> None:
        return None

    visit_ImportFrom = visit_Import

    def _visit_scope(self, node: ast.AST) -> ast.AST:
        for outside in _evaluated_outside(node):
            self.visit(outside)
        self.local.append(_local_names(node))
        self.generic_visit(node)
        self.local.pop()
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_scope
    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_scope


def _evaluated_outside(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a function or comprehension that do not see the names that it binds."""
    if isinstance(scope, Comprehension):
        yield scope.generators[0].iter
    elif isinstance(scope, Function):
        yield from (default for default in (*scope.args.defaults, *scope.args.kw_defaults) if default)
        yield from getattr(scope, "decorator_list", ())


def _local_names(scope: ast.AST) -> set[str]:
    """Return the names that a function or comprehension binds for itself, imports not among them."""
    names: set[str | None] = set()
    declared: set[str | None] = set()
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, Named):
            names.add(node.name)
        elif isinstance(node, ast.Global):
            declared.update(node.names)
        if not isinstance(node, Function | Comprehension | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(node))
    return {name for name in names - declared if name}


@cache
def _parse(module: Path) -> _Module:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    _strip_docstrings(tree)
    parsed = _Module()
    for node in tree.body:
        for name in [] if isinstance(node, Import) else _defined_names(node):
            parsed.definitions.setdefault(name, []).append(node)
    for part in ast.walk(tree):
        if isinstance(part, ast.ImportFrom):
            for alias in part.names:
                parsed.imports[alias.asname or alias.name] = (f"{'.' * part.level}{part.module or ''}", alias.name)
        elif isinstance(part, ast.Import):
            for alias in part.names:
                bound = alias.asname or alias.name.partition(".")[0]
                parsed.imports[bound] = (alias.name if alias.asname else bound, None)
    return parsed


def _defined_names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in ast.walk(target)]
        names = [part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        return names or [IMPORTED]
    return [IMPORTED]


def _module_file(name: str, root: Path) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _strip_docstrings(tree: ast.Module) -> None:
    """Remove every statement that is only a string: docstrings of modules, functions, classes and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.body = [
                statement
                for statement in node.body
                if not (
                    isinstance(statement, ast.Expr)
                    and isinstance(statement.value, ast.Constant)
                    and isinstance(statement.value.value, str)
                )
            ] or [ast.Pass()]
