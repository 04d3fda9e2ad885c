"""Find foreign keys of SQLite that name a table which does not exist, as a RENAME leaves them.

Since SQLite 3.26, ``ALTER TABLE x RENAME TO x_backup`` rewrites the REFERENCES clause of every child table
(https://www.sqlite.org/lang_altertable.html#altertabrename).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, SourceForeignKey, SourceTable
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.sqlite.sql import compose, name


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each foreign key whose parent is no table of the catalogue."""
    for table in subject.catalog.tables:
        for key in table.foreign_keys:
            if subject.catalog.table(key.parent) is None:
                yield _finding(subject, table, key)


def _finding(subject: Subject, table: SourceTable, key: SourceForeignKey) -> Finding:
    planned = any(t.source.name == table.name for t in subject.plan.tables)
    intended = intended_parent(subject, table, key)
    values = {"columns": ", ".join(key.columns), "parent": key.parent}
    fault = (
        _("The foreign key on {columns} names the table {parent}, which is a view.", **values)
        if key.parent in subject.catalog.views
        else _("The foreign key on {columns} names the table {parent}, which does not exist.", **values)
    )
    effect = _(
        "Django turns foreign keys on, so every INSERT into {table} fails with `no such table: main.{parent}`. Other"
        " programs can write, because foreign keys are off unless a connection turns them on. PRAGMA integrity_check"
        " does not check this. {table} holds {rows}.",
        table=table.name,
        parent=key.parent,
        rows=pluralize(table.rows, "row", "rows"),
    )
    return RULE.finding(
        table=table.name,
        column=", ".join(key.columns),
        # A table that is not moved cannot stop the move.
        level=Level.ERROR if planned else Level.WARNING,
        explanation=f"{fault} {_cause(key.parent, intended)} {effect}",
        remedy=_remedy(table, key.parent, intended),
    )


def intended_parent(subject: Subject, table: SourceTable, key: SourceForeignKey) -> str | None:
    """Return the parent, by its name in SQLite, of the migrations' foreign key on the same columns."""
    planned = next((t for t in subject.plan.tables if t.source.name == table.name), None)
    if planned is None:
        return None
    names = [column.lower() for column in key.columns]
    sources = {c.target.name: c.source.name.lower() for c in planned.columns}
    for target in planned.target.foreign_keys:
        if [sources.get(column) for column in target.columns] == names:
            parent = subject.plan.table(target.parent)
            return parent.source.name if parent else target.parent
    return None


def _cause(parent: str, intended: str | None) -> str:
    if intended is None:
        return _(
            "The migrations make no foreign key on this column, so the right table is not known. Since SQLite 3.26 a"
            " RENAME of a table rewrites the REFERENCES clause of every child: a table was renamed to {parent}, and"
            " dropped later.",
            parent=parent,
        )
    rename = compose("ALTER TABLE {old} RENAME TO {new}", old=name(intended), new=name(parent))
    return _(
        "It should name {intended}, as the migrations do. Since SQLite 3.26, `{rename}` also rewrites the REFERENCES"
        " clause of every child table. Then {intended} was made again, {parent} was dropped, and the children still"
        " name it.",
        intended=intended,
        rename=rename,
        parent=parent,
    )


def _remedy(table: SourceTable, parent: str, intended: str | None) -> str:
    if intended is None:
        return _(
            "Look up in the model and the migrations which table {table} should refer to; if none, rebuild the table"
            " without this key. For the move alone, --fix {id} is enough.",
            table=table.name,
            id=RULE.id,
        )
    back = compose(
        "BEGIN; ALTER TABLE {old} RENAME TO {new}; ALTER TABLE {new} RENAME TO {old}; COMMIT;",
        old=name(intended),
        new=name(parent),
    )
    return _(
        "For the move: --fix {id}. No data change; the migrations' foreign key names {intended}.\nTo repair SQLite"
        " itself, stop the application, copy the file, and rename the table twice, which corrects every child:\n{back}",
        id=RULE.id,
        intended=intended,
        back=back,
    )


RULE = SetRule(
    id="dangling-foreign-key",
    level=Level.ERROR,
    title=N_("Foreign key to a table that does not exist"),
    meaning=(
        "PostgreSQL cannot hold such a key: its constraint is made by the migrations and names the right table. On"
        " SQLite every write to the table fails as soon as foreign keys are on, as they are in Django. Since SQLite"
        " 3.26 a RENAME rewrites the REFERENCES clause of every child table; when the renamed table is dropped, the"
        " children keep naming it. PRAGMA integrity_check does not look at this."
    ),
    remedy=N_(
        "Accept the repair. To repair SQLite itself, stop the application, copy the file, and rename the right table to"
        " the name that the children have, and back: the second RENAME corrects every child."
    ),
    repair="lossless",
    repair_description=(
        "No data changes. The constraint on PostgreSQL is the one that the migrations make; every key is checked"
        " against it by the rule foreign-key-orphan, and by PostgreSQL when the constraint is restored."
    ),
    find=find,
)
