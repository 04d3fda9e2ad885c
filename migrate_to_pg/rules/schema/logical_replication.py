"""Report publications of logical replication whose subscribers do not get the rows of a move."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import INCOMING, Finding, Level, LogicalPublication, Scope
from migrate_to_pg.rules.base import Rule

LOGICAL_REPLICATION = Rule(
    id="logical-replication",
    level=Level.WARNING,
    title=N_("Publication of logical replication"),
    meaning=(
        "Tables that are replaced are in a publication, or would come into one. The rows of a move are loaded before"
        " its tables are in their places, so no subscriber gets them; it keeps the old rows, gets what is written"
        " afterwards, and stops at the first row whose key it has already. `ALTER SUBSCRIPTION ... REFRESH PUBLICATION`"
        " changes nothing of that: to the subscriber the tables are the same. A publication `FOR ALL TABLES` has the"
        " tables of the load as well, which a subscriber lacks: it stops at the first row, and the server keeps its WAL"
        " for it until its disk is full, by a rehearsal, too. With one of those, or `FOR TABLES IN SCHEMA`, a move, a"
        " rehearsal and `--undo` are refused without `--accept-publications`. Asked before anything is done; the slots"
        " that may be of subscribers are named. [What to do](../how-to/replication.md)."
    ),
    remedy=N_(
        "Run DROP SUBSCRIPTION on each subscriber before the move. Afterwards empty its tables, and make the"
        " subscription anew: it then copies all rows."
    ),
)


def finding(publication: LogicalPublication, *, undoing: bool = False) -> Finding:
    """Return the finding for one publication: the rows that its subscribers miss, and their slots."""
    subscribers = (
        _("Who may subscribe: {slots}.", slots="; ".join(publication.subscribers))
        if publication.subscribers
        else _("No subscriber has a replication slot in this database now.")
    )
    return LOGICAL_REPLICATION.finding(
        table="",
        count=max(1, len(publication.tables)),
        explanation=f"{_undone(publication) if undoing else _moved(publication)} {subscribers}",
    )


def _undone(publication: LogicalPublication) -> str:
    return _(
        "Publication {name} is {scope}: its subscribers are not brought back with the tables, and hold what they got.",
        name=publication.name,
        scope=publication.scope_sql,
    )


def _moved(publication: LogicalPublication) -> str:
    name, scope = publication.name, publication.scope_sql
    if publication.scope is Scope.ALL_TABLES:
        return _(
            "Publication {name} is {scope}: its subscribers are sent what is loaded into schema {incoming}, stop at the"
            " first row of a table that they lack, and do not get the rows that are moved.",
            name=name,
            scope=scope,
            incoming=INCOMING,
        )
    if publication.scope is Scope.ALL_SEQUENCES:
        return _(
            "Publication {name} is {scope}: its subscribers keep the values of the sequences that are replaced until"
            " ALTER SUBSCRIPTION ... REFRESH SEQUENCES.",
            name=name,
            scope=scope,
        )
    return _(
        "Publication {name} is {scope}: of what is replaced there its subscribers keep the old rows, get what is"
        " written afterwards, and stop at the first row whose key they have already.",
        name=name,
        scope=scope,
    )
