"""A table of SQLite's that no migration knows: its rows would stay behind."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.language import N_, counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import Finding, Level, SourceTable
from migrate_to_pg.rules.rule import SetRule, Subject
from migrate_to_pg.rules.sql import Sql, compose, name


def find(subject: Subject) -> Iterator[Finding]:
    """One finding for each leftover; a virtual table's own storage goes with it."""
    kinds = dict(subject.rows(Sql("SELECT name, type FROM pragma_table_list WHERE schema = 'main'")))
    for table in subject.plan.leftovers:
        if kinds.get(table.name) != "shadow":
            yield _finding(table, skip=subject.skip_leftovers, virtual=kinds.get(table.name) == "virtual")


def _finding(table: SourceTable, *, skip: bool, virtual: bool) -> Finding:
    held = _("{rows} would stay behind", rows=counted(table.rows, "row", "rows"))
    effect = held if table.rows else _("It holds no rows")
    stored = _(" It is a virtual table, a search index perhaps, which keeps its contents in tables of its own.")
    kind = stored if virtual else ""
    chosen = _("; you chose so") if table.rows and skip else ""
    return RULE.finding(
        table=table.name,
        count=table.rows or 1,
        level=Level.ERROR if table.rows and not skip else Level.WARNING,
        explanation=_(
            "No migration of the project makes this table.{kind} {effect}{chosen}. Such tables come from"
            " interrupted rebuilds (new__...), copies made by hand (..._old, ..._backup), applications since"
            " removed, and other programs.",
            kind=kind,
            effect=effect,
            chosen=chosen,
        ),
        remedy=(
            _(
                "Look at its rows; if they are needed, bring them into a table of the project (a model and a"
                " migration). To leave the table behind: --leftovers skip. To remove it from SQLite, after copying"
                " the file:\n"
            )
            + compose("DROP TABLE {table};", table=name(table.name))
        ),
    )


RULE = SetRule(
    id="leftover-table",
    level=Level.ERROR,
    title=N_("Table that no migration knows"),
    meaning=(
        "The table is not made on PostgreSQL, so its rows would stay behind. A warning where it is empty, or where"
        " --leftovers skip was given."
    ),
    remedy=N_("Bring its rows into a table of the project, drop the table, or leave it behind with --leftovers skip."),
    find=find,
)
