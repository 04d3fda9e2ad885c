"""Report collations, functions and modules that neither SQLite nor the project has.

The file is not damaged, but not all of it can be read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Lacking, Level, Plan, PlannedTable
from migrate_to_pg.rules.base import SetRule, Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each table and each object that it lacks."""
    found: dict[tuple[str, str, str], list[Lacking]] = defaultdict(list)
    for lacking in subject.catalog.lacking:
        found[lacking.table, lacking.kind, lacking.name].append(lacking)
    for (table, kind, name), places in found.items():
        yield _finding(table, kind, name, list(dict.fromkeys(place.what for place in places if place.what)))


def errors(plan: Plan) -> Iterator[Finding]:
    """Yield an error for each table of the project with something to be moved that cannot be read."""
    for table in plan.tables:
        if why := unreadable(table):
            column = next((c.name for c in table.loaded_columns if c.source.unreadable), "")
            yield RULE.finding(
                table=table.name,
                column=column,
                level=Level.ERROR,
                explanation=_(
                    "SQLite cannot read it here ({why}), and it is a table of the project: its rows are to be moved.",
                    why=why,
                ),
                remedy=_(
                    "Let the project register what is missing whenever Django connects (a receiver of"
                    " connection_created), as the program does that made the table; then run again."
                ),
            )


def unreadable(table: PlannedTable) -> str:
    """Return the reason why a table, or a column of it that is moved, cannot be read, or ''."""
    columns = (column.source.unreadable for column in table.loaded_columns)
    return table.source.unreadable or next(filter(None, columns), "")


def _finding(table: str, kind: str, name: str, places: list[str]) -> Finding:
    where = ", ".join(places)
    if kind == "collation":
        uses = (
            _(
                "The collation {name} of {where} in {table} is neither SQLite's nor the project's.",
                name=name,
                where=where,
                table=table,
            )
            if where
            else _("The collation {name} of {table} is neither SQLite's nor the project's.", name=name, table=table)
        )
        effect = _("The rows are read without it; indexes that are sorted by it are neither used nor checked.")
        explanation = f"{uses} {effect}"
    elif kind == "module":
        explanation = _(
            "{table} is a virtual table of a module that this SQLite does not have ({name}). Nothing of it can be read:"
            " it is left behind, and stays in the snapshot. The file itself is not damaged.",
            table=table,
            name=name,
        )
    elif kind == "name":
        explanation = _(
            "The name of {table} is not UTF-8 (what is not is shown as \\x..), and SQLite takes no statement"
            " that holds it: it is left behind, and stays in the snapshot.",
            table=table,
        )
    else:
        explanation = _(
            "{where} of {table} cannot be computed here: {name}. A column whose values SQLite would have to compute is"
            " left behind, and stays in the snapshot; an index is neither used nor checked.",
            where=where,
            table=table,
            name=name,
        )
    return RULE.finding(
        table=table,
        column=where if kind in ("collation", "function") else "",
        explanation=explanation,
    )


RULE = SetRule(
    id="lacking-in-sqlite",
    level=Level.WARNING,
    title=N_("Collation, function or module that SQLite lacks"),
    meaning=(
        "SQLite finds collations, functions and the modules of virtual tables only where a program registers them. What"
        " the project registers when Django connects (`connection_created`) is available; what other programs"
        " registered is not. The rows of a table are read without them. What cannot be read is left behind and"
        " reported: virtual tables without their module, columns that would have to be computed by a missing function,"
        " tables whose names are not UTF-8. An error where that is a table of the project. It is no damage to the file,"
        " which needs no repair."
    ),
    remedy=N_(
        "Do nothing if another program left it. If the project needs it, register it in a receiver of"
        " connection_created."
    ),
    find=find,
)
