"""Find collations, functions, types and extensions of the models that PostgreSQL lacks, or may lack."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.missing_objects import remedy
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.base import SetRule, Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each of them."""
    for need in subject.plan.needs:
        values = {"object": need.object, "name": need.name}
        needs = {
            "collation": _("{object} asks for the collation {name}.", **values),
            "function": _("{object} calls the function {name}.", **values),
            "type": _("{object} has the type {name}.", **values),
            "extension": _("{object} needs the extension {name}.", **values),
        }[need.kind]
        if need.is_sqlite:
            lacks = _("It is SQLite's: PostgreSQL has none of that name, and no applied migration makes one.")
        else:
            lacks = _(
                "No applied migration makes it. No server was asked: a rehearsal shows whether the server has it."
            )
        yield RULE.finding(
            table=need.table,
            column=need.column,
            level=Level.ERROR if need.is_sqlite else Level.WARNING,
            explanation=f"{needs} {lacks}",
            remedy=remedy(need.kind, need.name),
        )


RULE = SetRule(
    id="missing-on-postgresql",
    level=Level.ERROR,
    title=N_("Collation, function, type or extension that PostgreSQL lacks"),
    meaning=(
        "The columns, generated columns, constraints and indexes of the models are written as PostgreSQL's SQL,"
        " without a server. A collation of SQLite's (`NOCASE`, `RTRIM`, `BINARY`) or of the project's, a function or a"
        " type that SQLite alone has is an error: neither the migrations nor `--schema models` can make the table."
        " Another collation, and the extension of a type or of an operator class (hstore, citext, ltree, cube,"
        " pgvector, pg_trgm), is a warning: the server may have it. What an applied migration makes (CreateCollation,"
        " CreateExtension, RunSQL) is not missing. A run with a target asks the server instead. What RunSQL and"
        " RunPython do besides is tried by a rehearsal."
    ),
    remedy=N_("Make it in a migration, or use one that both databases have."),
    find=find,
)
