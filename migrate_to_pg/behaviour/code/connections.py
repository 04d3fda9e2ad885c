"""Read the settings of the databases: options of SQLite, connections that are kept, poolers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from django.conf import settings

from migrate_to_pg.behaviour.code.sources import Source
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way
from migrate_to_pg.i18n import gettext as _

#: What sqlite3 and Django's backend for it take, and psycopg does not.
_OF_SQLITE = frozenset(
    {"timeout", "transaction_mode", "init_command", "check_same_thread", "isolation_level", "cached_statements"}
)
_PORT_OF_PGBOUNCER = "6432"


def find_in_connections(sources: Sequence[Source]) -> Iterator[Occurrence]:
    """Yield settings that PostgreSQL refuses, or that exhaust its connections."""
    for source in sources:
        for node in source.nodes:
            if not isinstance(node, ast.Dict) or not _is_for_all(source, node):
                continue
            if _OF_SQLITE & {key.value for key in node.keys if isinstance(key, ast.Constant)}:
                yield _hint("sqlite-options", source.place(node), Effect.ERROR)
    for alias, entry in settings.DATABASES.items():
        if getattr(settings, "ASGI_APPLICATION", None) and entry.get("CONN_MAX_AGE", 0) != 0:
            explanation = _("ASGI_APPLICATION is set, and CONN_MAX_AGE of {alias!r} is not 0.", alias=alias)
            yield _hint("connections-kept", _line_of(sources, "CONN_MAX_AGE", alias), Effect.ERROR, explanation)
        is_pooled = str(entry.get("PORT")) == _PORT_OF_PGBOUNCER or "pgbouncer" in str(entry.get("HOST")).lower()
        if is_pooled and not entry.get("DISABLE_SERVER_SIDE_CURSORS"):
            explanation = _("{alias!r} is behind PgBouncer, and DISABLE_SERVER_SIDE_CURSORS is not set.", alias=alias)
            yield _hint("connections-kept", _line_of(sources, "PORT", alias), Effect.ERROR, explanation)


def _hint(rule: str, place: Place, effect: Effect, explanation: str = "") -> Occurrence:
    return Occurrence(
        rule=rule, place=place, way=Way.CODE, certainty=Certainty.HINT, effect=effect, explanation=explanation
    )


def _line_of(sources: Sequence[Source], key: str, alias: str) -> Place:
    """Return the line of the settings that names a key, or the name of the entry where none does."""
    module = next((source for source in sources if source.name == settings.SETTINGS_MODULE), None)
    for node in ast.walk(module.tree) if module else ():
        if isinstance(node, ast.Constant) and node.value == key and module:
            return module.place(node)
    return Place(name=f"DATABASES[{alias!r}][{key!r}]")


def _is_for_all(source: Source, node: ast.Dict) -> bool:
    """Return whether a dictionary is OPTIONS, of an entry that is not SQLite's alone."""
    parent = source.parents.get(node)
    if isinstance(parent, ast.keyword):
        is_options = parent.arg == "OPTIONS"
    elif isinstance(parent, ast.Assign):
        is_options = any(
            "OPTIONS" in [one.value for one in ast.walk(target) if isinstance(one, ast.Constant)]
            for target in parent.targets
        )
    elif isinstance(parent, ast.Dict):
        position = parent.values.index(node)
        is_options = getattr(parent.keys[position], "value", None) == "OPTIONS"
        if any(isinstance(value, ast.Constant) and "sqlite" in str(value.value) for value in parent.values):
            return False
    else:
        return False
    return is_options and not any(isinstance(one, ast.If | ast.IfExp | ast.Match) for one in source.ancestors(node))
