"""Remove the tables of --exclude-data from the plan: they are made and published without rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from migrate_to_pg.errors import BlockedError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Plan
from migrate_to_pg.sqlite.connection import quote_name
from migrate_to_pg.sqlite.missing_functions import open_for_reading
from migrate_to_pg.system.usage import did_you_mean

#: PostgreSQL must know which migrations it has.
_NEEDED = "django_migrations"


def exclude(plan: Plan, names: Sequence[str], *, leftovers: bool) -> Plan:
    """Move the tables named by ``app.Model`` or their own name from ``tables`` to ``excluded``.

    With ``leftovers`` a table or view that no migration knows may be named too. Raise UsageError for a name of nothing
    that would be loaded.
    """
    known: dict[str, str] = {}
    if leftovers:
        tables = (table.name for table in plan.leftovers if table.kind == "table")
        known = {name: name for name in (*tables, *plan.leftover_views)}
        known |= {model: used.name for used in plan.unmade for model in used.models}
    left_out = [name for name in names if name in known and plan.table(name) is None]
    chosen = {_table(plan, name, sorted(known)) for name in names if name not in left_out}
    plan = replace(plan, excluded_leftovers=tuple(known[name] for name in left_out))
    return replace(
        plan,
        tables=tuple(table for table in plan.tables if table.name not in chosen),
        excluded=tuple(table for table in plan.tables if table.name in chosen),
    )


def _table(plan: Plan, name: str, others: Sequence[str]) -> str:
    """Return PostgreSQL's name of the table. The names ``others`` are suggested as well."""
    app, dot, model = name.partition(".")
    found = plan.table(plan.models.get((app, model.lower()), "") if dot else "") or plan.table(name)
    # By its name in SQLite, which PostgreSQL may have truncated.
    found = found or next((table for table in plan.tables if table.source.name == name), None)
    if found is None:
        plan_names = [*(t.name for t in plan.tables if t.name != _NEEDED), *others]
        raise UsageError(
            _("--exclude-data {name}: there is no such model or table among those to be moved.", name=name),
            remedy=did_you_mean(
                name,
                [*plan_names, *(f"{app}.{model}" for app, model in plan.models)],
                _("Name a model as app.Model, or a table: {tables}.", tables=", ".join(plan_names)),
            ),
        )
    if found.name == _NEEDED:
        raise UsageError(
            _("--exclude-data {name}: without its rows PostgreSQL would not know which migrations it has.", name=name),
            remedy=_("Any other table may be named."),
        )
    return found.name


def check_no_references(plan: Plan, snapshot: Path) -> None:
    """Raise BlockedError where rows that are moved refer to rows that are not."""
    faults = list(_references(plan, snapshot)) if plan.excluded else []
    if faults:
        raise BlockedError(
            _("Rows that are to be moved refer to tables whose rows were excluded."),
            detail=faults,
            remedy=_("Exclude these tables as well, or move both."),
        )


def _references(plan: Plan, snapshot: Path) -> Iterator[str]:
    excluded = {table.name for table in plan.excluded}
    database = open_for_reading(snapshot)
    try:
        for table in plan.tables:
            for key in table.target.foreign_keys:
                by_name = {column.name: column.source.name for column in table.columns}
                if key.parent not in excluded or not by_name.keys() >= {*key.columns}:
                    # Where SQLite lacks a column, no row holds a key.
                    continue
                columns = [by_name[name] for name in key.columns]
                held = " AND ".join(f"{quote_name(column)} IS NOT NULL" for column in columns)
                query = f"SELECT count(*) FROM {quote_name(table.source.name)} NOT INDEXED WHERE {held}"  # noqa: S608 - quoted
                if count := database.execute(query).fetchone()[0]:
                    rows = pluralize(count, "row", "rows")
                    yield _(
                        "{table}.{column}: {rows} refer to {parent}",
                        table=table.name,
                        column=", ".join(key.columns),
                        rows=rows,
                        parent=key.parent,
                    )
    finally:
        database.close()
