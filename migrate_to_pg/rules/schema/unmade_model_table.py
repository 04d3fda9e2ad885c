"""Find tables that an installed model uses and PostgreSQL would lack, so that the application misses the rows."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, Plan, Unmade, UnmadeTable
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.sqlite.sql import compose, name

_WHY = {
    Unmade.UNMANAGED: N_("The model is unmanaged (managed = False), and no migration makes its table by RunSQL."),
    Unmade.UNAPPLIED: N_(
        "The migration {migration} would make it, which this database does not record as applied: an application that"
        " was renamed, or migrations that were squashed and whose old names were removed."
    ),
    Unmade.UNWRITTEN: N_("No migration of its application makes it."),
    Unmade.LEFT_OUT: N_(
        "The applied migrations know the model, but made no table of that name on PostgreSQL: one that makes it for"
        " SQLite alone (connection.vendor, required_db_vendor), or in the state alone (SeparateDatabaseAndState)."
    ),
}
_MAY_BE = N_(
    "No migration makes it from a model. One that names it may make it by RunSQL or RunPython: only a run with a server"
    " can tell, and it stops where none does."
)
_REHEARSE = N_("Rehearse (--rehearse --target embedded), which runs the migrations.")
_FAKE = N_(
    "If the table is as that migration makes it, record it on SQLite (DATABASE_URL unset), then run again: manage.py"
    " migrate --fake {migration}."
)
_WRITE = N_(
    "Write the migration (manage.py makemigrations {app}) and record it on SQLite, whose table is there: manage.py"
    " migrate --fake {app}. Then run again."
)
_MAKE = N_("Make the table in a migration (RunSQL, or managed = True), recorded on SQLite with migrate --fake.")
_MAKE_THERE = N_("Let a migration make the table on PostgreSQL, too.")
_OR = N_(
    "Or let this command make it from the model, in its final place, with its rows: --from-models {model} (--schema"
    " models does so for every table). Or move it as a leftover: --as-leftovers {model}; afterwards, with the types of"
    " its values: {statement}"
)
_OR_VIEW = N_("Or move its rows as a leftover, a table of schema sqlite_leftovers: --as-leftovers {model}.")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such table or view, except those that were chosen to be leftovers."""
    for unmade in subject.plan.unmade:
        if unmade.name not in subject.plan.as_leftovers:
            yield finding(subject.plan, unmade)


def finding(plan: Plan, unmade: UnmadeTable) -> Finding:
    """Return the finding for one table or view: its models, the reason, and every option."""
    maybe = plan.offline and unmade.may_be_made
    rows = next((table.rows for table in plan.leftovers if table.name == unmade.name), None)
    model = ", ".join(unmade.models)
    what = (
        _("SQLite's view {name} is that of the installed model {model}.", name=unmade.name, model=model)
        if rows is None
        else _(
            "SQLite's table {name}, with {rows}, is that of the installed model {model}, which would find no such table"
            " on PostgreSQL, or an empty one.",
            name=unmade.name,
            rows=pluralize(rows, "row", "rows"),
            model=model,
        )
    )
    why = _(_MAY_BE) if maybe else _(_WHY[unmade.why], migration=unmade.migration.replace(" ", "."))
    return RULE.finding(
        table=unmade.name,
        count=rows or 1,
        level=Level.WARNING if maybe else Level.ERROR,
        explanation=f"{what} {why}",
        remedy=_(_REHEARSE) if maybe else _remedy(unmade),
    )


def _remedy(unmade: UnmadeTable) -> str:
    app = unmade.models[0].partition(".")[0]
    first = {
        Unmade.UNAPPLIED: _(_FAKE, migration=unmade.migration),
        Unmade.UNWRITTEN: _(_WRITE, app=app),
        Unmade.UNMANAGED: _(_MAKE),
        Unmade.LEFT_OUT: _(_MAKE_THERE),
    }[unmade.why]
    statement = compose("ALTER TABLE sqlite_leftovers.{table} SET SCHEMA public;", table=name(unmade.name))
    other = _(_OR if unmade.table else _OR_VIEW, model=unmade.models[0], statement=statement)
    return f"{first} {other}"


RULE = SetRule(
    id="unmade-model-table",
    level=Level.ERROR,
    title=N_("Table of an installed model that no migration makes"),
    meaning=(
        "The table is in SQLite, and the model that uses it is installed, but the applied migrations do not make it on"
        " PostgreSQL: its rows would end among the leftovers, and the application would read nothing. This happens with"
        " unmanaged models over a table made by hand, with squashed migrations whose old names were removed, and with"
        " applications under another label. Without a server it is a warning where a migration may make the table by"
        " RunSQL or RunPython."
    ),
    remedy=N_(
        "Record the migration that makes it (manage.py migrate --fake), let one make it, or choose: --from-models,"
        " --schema models, --as-leftovers."
    ),
    find=find,
)
