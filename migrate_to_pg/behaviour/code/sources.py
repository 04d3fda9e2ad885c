"""Read the Python files of the project's own applications, and resolve names in them without importing anything."""

from __future__ import annotations

import ast
import builtins
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings

from migrate_to_pg.behaviour.own_models import FOREIGN, is_own_folder, own_apps, shown_path
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way
from migrate_to_pg.i18n import gettext as _

Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Nothing was resolved. None may be a value.
UNKNOWN: Any = object()


@dataclass(eq=False)
class Source:
    """One file, parsed."""

    path: Path
    #: As Python calls the module: shop.views.
    name: str
    tree: ast.Module
    #: The package of its application.
    package: str
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    _extended: dict[Function, frozenset[str]] = field(default_factory=dict)
    _values: dict[Function, dict[str, list[ast.expr]]] = field(default_factory=dict)

    #: All nodes of the tree.
    nodes: list[ast.AST] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes.append(self.tree)
        # The list grows while it is read.
        for node in self.nodes:
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
                self.nodes.append(child)

    @property
    def is_migration(self) -> bool:
        """Report whether it is in a folder of migrations."""
        return self.path.parent.name == "migrations"

    @property
    def is_test(self) -> bool:
        """Report whether it is a module of tests, by its name or its folder's."""
        return any(part.startswith("test") for part in self.name.removeprefix(self.package).split("."))

    def place(self, node: ast.AST) -> Place:
        """Return the line of a node."""
        return Place(file=shown_path(self.path), line=getattr(node, "lineno", 0))

    def found(
        self, rule: str, node: ast.AST, effect: Effect, certainty: Certainty = Certainty.HINT, count: int = 1
    ) -> Occurrence:
        """Return an occurrence of a rule at a node, of which more is not known than what was read."""
        place = self.place(node)
        return Occurrence(rule=rule, place=place, way=Way.CODE, certainty=certainty, effect=effect, count=count)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside out."""
        while node := self.parents.get(node, None):  # type: ignore[assignment]
            yield node

    def function(self, node: ast.AST) -> Function | None:
        """Return the function that a node stands in."""
        return next((one for one in self.ancestors(node) if isinstance(one, Function)), None)

    @cached_property
    def loaded(self) -> ModuleType | None:
        """The module, where the project has imported it already."""
        return sys.modules.get(self.name)

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Name -> (module, name in it). '' is the module itself."""
        found: dict[str, tuple[str, str]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0],
                        "",
                    )
            elif isinstance(node, ast.ImportFrom):
                if not node.level:
                    module = node.module or ""
                else:
                    package = self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]
                    for _level in range(node.level - 1):
                        package = package.rpartition(".")[0]
                    module = ".".join(filter(None, (package, node.module)))
                for alias in node.names:
                    if alias.name == "*":
                        names = getattr(sys.modules.get(module), "__dict__", {})
                        found |= {name: (module, name) for name in names if not name.startswith("_")}
                    else:
                        found[alias.asname or alias.name] = (module, alias.name)
        return found

    def resolve(self, node: ast.AST) -> Any:
        """Return the object that an expression of names means, or UNKNOWN."""
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            return UNKNOWN if owner is UNKNOWN else getattr(owner, node.attr, UNKNOWN)
        if not isinstance(node, ast.Name) or self.local_values(node) is not None:
            return UNKNOWN
        if node.id in self.imports:
            return _imported(*self.imports[node.id])
        return getattr(self.loaded or builtins, node.id, UNKNOWN)

    def local_values(self, node: ast.Name) -> list[ast.expr] | None:
        """Return the expressions that a function's own name is given, [] for a parameter, None for no such name."""
        for function in (one for one in self.ancestors(node) if isinstance(one, Function)):
            arguments = function.args
            given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            if node.id in {one.arg for one in given if one}:
                return []
            if function not in self._values:
                found: dict[str, list[ast.expr]] = {}
                for name, value in (target for inner in ast.walk(function) for target in _targets(inner)):
                    found.setdefault(name, []).append(value)
                self._values[function] = found
            if values := self._values[function].get(node.id):
                return values
        return None

    def extended(self, function: Function) -> frozenset[str]:
        """Return the names of a function of which an attribute, an item or a slice is taken."""
        if function not in self._extended:
            self._extended[function] = frozenset(
                node.value.id
                for node in ast.walk(function)
                if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name)
            )
        return self._extended[function]

    @cached_property
    def functions(self) -> frozenset[Function]:
        """All functions of the file."""
        return frozenset(node for node in self.nodes if isinstance(node, Function))

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """Names that the module itself gives a value, once."""
        found: dict[str, list[ast.expr]] = {}
        for statement in self.tree.body:
            for name, value in _targets(statement):
                found.setdefault(name, []).append(value)
        return {name: values[0] for name, values in found.items() if len(values) == 1}


def _imported(module: str, name: str) -> Any:
    """Return what an import gave, of modules that are imported already."""
    loaded = sys.modules.get(module)
    if not name:
        return loaded if loaded is not None else UNKNOWN
    found = getattr(loaded, name, UNKNOWN)
    return found if found is not UNKNOWN else sys.modules.get(f"{module}.{name}", UNKNOWN)


def _targets(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name):
        if node.value is not None:
            yield node.target.id, node.value
    elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
        yield node.optional_vars.id, node.context_expr
    elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
        yield node.target.id, node.iter


def own_sources() -> list[Source]:
    """Parse each Python file of the project's own applications, of its settings and of its URLs."""
    return [one for one in _read_all() if isinstance(one, Source)]


def unread_files() -> list[str]:
    """Say of each of these files that is no Python why it was not read."""
    return [one for one in _read_all() if isinstance(one, str)]


@cache
def _read_all() -> list[Source | str]:
    folders = {config.name: Path(config.path) for config in own_apps()}
    for module in (settings.SETTINGS_MODULE, getattr(settings, "ROOT_URLCONF", "")):
        package = str(module).rpartition(".")[0]
        loaded = sys.modules.get(package) if package else None
        if loaded is not None and loaded.__file__:
            folders[package] = Path(loaded.__file__).parent
    found: dict[Path, Source | str] = {}
    with _without_collection():
        for name, folder in folders.items():
            if is_own_folder(folder):
                found |= _read(folder, name)
    alone = sys.modules.get(str(settings.SETTINGS_MODULE))
    if alone is not None and alone.__file__ and Path(alone.__file__) not in found:
        path = Path(alone.__file__)
        found[path] = _parsed(path, alone.__name__, alone.__name__)
    return [found[path] for path in sorted(found)]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python from looking for garbage among so many nodes again and again: it takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(folder: Path, package: str) -> dict[Path, Source | str]:
    found = {}
    for path in sorted(folder.rglob("*.py")):
        if set(path.relative_to(folder).parts) & FOREIGN:
            continue
        inner = path.relative_to(folder).with_suffix("").parts
        parts = inner[:-1] if inner[-1] == "__init__" else inner
        found[path] = _parsed(path, ".".join((package, *parts)), package)
    return found


def _parsed(path: Path, name: str, package: str) -> Source | str:
    """Return a file, or why it cannot be read."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or getattr(error, "strerror", None) or str(error)
        return _("{place} was not read: {reason}.", place=Place(file=shown_path(path), line=line), reason=reason)
    return Source(path=path, name=name, tree=tree, package=package)
