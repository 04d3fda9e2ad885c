"""Read where the code takes the database for a file, or asks which database it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate_to_pg.behaviour.code.branches import asks_vendor, is_for_another_vendor
from migrate_to_pg.behaviour.code.sources import Source
from migrate_to_pg.behaviour.records import Effect, Occurrence

_FILE_OF_DATABASE = re.compile(r"\.(?:sqlite3?|db3)\Z|\bdb\.sqlite", re.IGNORECASE)
_SQL = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP)\b", re.IGNORECASE)
_OF_POSTGRESQL = re.compile(r"postg|psycopg|\bpg_", re.IGNORECASE)
#: Functions of these modules, and these functions, take a path.
_MODULES = frozenset({"shutil", "os", "path", "zipfile", "tarfile"})
_FUNCTIONS = frozenset({"Path", "open", "copy", "copy2", "copyfile", "move", "connect"})


def find_in_files(sources: Sequence[Source]) -> Iterator[Occurrence]:
    """Yield paths of the database, sqlite3.connect(), and branches for a kind of database."""
    for source in sources:
        for node in source.nodes:
            if isinstance(node, ast.Call) and _takes_database(source, node):
                if not is_for_another_vendor(source, node):
                    yield source.found("database-as-file", node, Effect.DIFFERENT)
            elif (
                isinstance(node, ast.Compare)
                and not source.is_test
                and asks_vendor(node)
                and _has_untried_sql(source, node)
            ):
                yield source.found("vendor-branch", node, Effect.DIFFERENT)


def _takes_database(source: Source, call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    owner = getattr(getattr(call.func, "value", None), "id", getattr(getattr(call.func, "value", None), "attr", ""))
    if (owner, name) == ("sqlite3", "connect"):
        return bool(call.args) and not _is_given(source, call.args[0])
    if name not in _FUNCTIONS and owner not in _MODULES:
        return False
    return any(_is_database(source, argument, 0) for argument in call.args)


def _is_given(source: Source, path: ast.expr) -> bool:
    """Return whether a path is in memory, or a parameter: of whatever file the caller names."""
    if isinstance(path, ast.Constant):
        return path.value == ":memory:"
    return any(isinstance(part, ast.Name) and source.local_values(part) == [] for part in ast.walk(path))


def _is_database(source: Source, node: ast.expr, depth: int) -> bool:
    """Return whether an expression is the path of the database: NAME of the settings, or a file of that kind."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and _FILE_OF_DATABASE.search(part.value):
            return True
        if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant) and part.slice.value == "NAME":
            names = {getattr(one, "attr", getattr(one, "id", "")) for one in ast.walk(part.value)}
            if names & {"settings_dict", "DATABASES"}:
                return True
        if isinstance(part, ast.Name) and depth < 3:
            values = source.local_values(part) or [v for n, v in source.constants.items() if n == part.id]
            if any(_is_database(source, value, depth + 1) for value in values):
                return True
    return False


def _has_untried_sql(source: Source, test: ast.Compare) -> bool:
    """Return whether there is SQL that only another database than SQLite runs, and PostgreSQL is not named."""
    names = _texts(test)
    # Of MySQL neither database takes the branch.
    if not any("sqlite" in name for name in names):
        return False
    others = [text for node in _other_branch(source, test) for text in _texts(node)]
    whole: ast.AST = source.function(test) or source.tree
    return any(map(_SQL.match, others)) and not any(map(_OF_POSTGRESQL.search, _texts(whole)))


def _texts(node: ast.AST) -> list[str]:
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _other_branch(source: Source, test: ast.Compare) -> list[ast.AST]:
    """Return what runs where a test for SQLite does not hold, or does for anything else."""
    branch = source.parents.get(test)
    is_equal = isinstance(test.ops[0], ast.Eq | ast.In | ast.Is)
    if isinstance(branch, ast.IfExp):
        return [branch.orelse if is_equal else branch.body]
    if not isinstance(branch, ast.If):
        return []
    if not is_equal:
        return [*branch.body]
    if branch.orelse or not isinstance(branch.body[-1], ast.Return | ast.Raise):
        return [*branch.orelse]
    # The branch of SQLite leaves the function: what follows is for the others.
    following = getattr(source.parents.get(branch), "body", [])
    return [*following[following.index(branch) + 1 :]] if branch in following else []
