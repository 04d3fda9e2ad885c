"""Read where the code uses Python's module sqlite3, or what its errors say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate_to_pg.behaviour.code.branches import is_for_another_vendor
from migrate_to_pg.behaviour.code.sources import Source
from migrate_to_pg.behaviour.records import Effect, Occurrence

#: Methods and attributes of sqlite3.Connection, which psycopg's has not.
_OF_CONNECTION = frozenset(
    {"create_function", "create_aggregate", "create_collation", "create_window_function", "iterdump", "row_factory",
     "text_factory", "total_changes", "enable_load_extension", "set_trace_callback", "set_progress_handler"}
)  # fmt: skip
_COMPARING = frozenset({"startswith", "assertRaisesMessage", "assertRaisesRegex", "assertIn"})
_ERROR_TEXT = re.compile(
    r"(?:UNIQUE|NOT NULL|FOREIGN KEY|CHECK) constraint failed|database is locked|no such (?:table|column|function)"
)


def find_in_driver(sources: Sequence[Source]) -> Iterator[Occurrence]:
    """Yield errors of sqlite3 that are caught, methods of its connection, and texts of its errors."""
    for source in sources:
        for node in source.nodes:
            rule = _rule_of(source, node)
            if rule and not is_for_another_vendor(source, node):
                yield source.found(rule, node, Effect.DIFFERENT)


def _rule_of(source: Source, node: ast.AST) -> str:
    if (
        isinstance(node, ast.ExceptHandler)
        and node.type
        and any(isinstance(one, ast.Name) and one.id in ("sqlite3", "dbapi2") for one in ast.walk(node.type))
    ):
        return "sqlite3-module"
    # The driver's connection is below Django's: connection.connection.
    if (
        isinstance(node, ast.Attribute)
        and node.attr in _OF_CONNECTION
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "connection"
    ):
        return "sqlite3-module"
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_compared(source, node):
        return "error-text"
    return ""


def _is_compared(source: Source, node: ast.Constant) -> bool:
    """Return whether a text of an error of SQLite is looked for: "..." in str(error), assertRaisesMessage."""
    if not _ERROR_TEXT.search(str(node.value)):
        return False
    parent = source.parents.get(node)
    if isinstance(parent, ast.Call):
        return getattr(parent.func, "attr", "") in (
            "startswith",
            "assertRaisesMessage",
            "assertRaisesRegex",
            "assertIn",
        )
    return isinstance(parent, ast.Compare)
