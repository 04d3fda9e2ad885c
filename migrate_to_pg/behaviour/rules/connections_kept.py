"""Find settings of connections that do not fit PostgreSQL."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="connections-kept",
    title=N_("Connections are kept in a way that does not fit PostgreSQL"),
    meaning=(
        "Each thread keeps a connection of its own with CONN_MAX_AGE, and an ASGI server has new threads all"
        " the time: PostgreSQL runs out of connections. Behind PgBouncer in transaction mode, server-side"
        " cursors fail."
    ),
    example="CONN_MAX_AGE = None with ASGI. PgBouncer without DISABLE_SERVER_SIDE_CURSORS.",
    instead=N_(
        "Set CONN_MAX_AGE = 0 and OPTIONS['pool'] with ASGI. Set DISABLE_SERVER_SIDE_CURSORS = True behind PgBouncer."
    ),
    detection="Reading the settings.",
)
