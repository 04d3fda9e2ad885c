"""Rules about the run itself: how its schema was made, what its verification saw, and whom it does not reach.

None of them stops a move.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, ngettext, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import (
    INCOMING,
    Finding,
    Level,
    LogicalPublication,
    ModelNames,
    Sample,
    Scope,
    Verification,
    VerifiedTable,
)
from migrate_to_pg.rules.base import SAMPLES, Rule

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
        " rehearsal and `--undo` are refused without `--accept-publications`. It is checked before anything is done;"
        " the replication slots that may belong to subscribers are named. [What to do](../how-to/replication.md)."
    ),
    remedy=N_(
        "Run DROP SUBSCRIPTION on each subscriber before the move. Afterwards empty its tables, and create the"
        " subscription again: it then copies all rows."
    ),
)


def publication_finding(publication: LogicalPublication, *, undoing: bool = False) -> Finding:
    """Return the finding for one publication: the rows that its subscribers miss, and their slots."""
    values = {"name": publication.name, "scope": publication.scope_sql, "incoming": INCOMING}
    if undoing:
        effect = _(
            "Publication {name} is {scope}: its subscribers are not brought back with the tables, and hold what they"
            " got.",
            **values,
        )
    elif publication.scope is Scope.ALL_TABLES:
        effect = _(
            "Publication {name} is {scope}: its subscribers are sent what is loaded into schema {incoming}, stop at the"
            " first row of a table that they lack, and do not get the rows that are moved.",
            **values,
        )
    elif publication.scope is Scope.ALL_SEQUENCES:
        effect = _(
            "Publication {name} is {scope}: its subscribers keep the values of the sequences that are replaced until"
            " ALTER SUBSCRIPTION ... REFRESH SEQUENCES.",
            **values,
        )
    else:
        effect = _(
            "Publication {name} is {scope}: of what is replaced there its subscribers keep the old rows, get what is"
            " written afterwards, and stop at the first row whose key they have already.",
            **values,
        )
    subscribers = (
        _("Possible subscribers: {slots}.", slots="; ".join(publication.subscribers))
        if publication.subscribers
        else _("No subscriber has a replication slot in this database now.")
    )
    return LOGICAL_REPLICATION.finding(
        table="", count=max(1, len(publication.tables)), explanation=f"{effect} {subscribers}"
    )


COMPUTED = Rule(
    id="computed-otherwise",
    level=Level.WARNING,
    title=N_("Value that PostgreSQL computes differently from SQLite"),
    meaning=(
        "A generated column is not moved: PostgreSQL computes it from the row's other columns, and the verification"
        " makes it compute each value again. Its functions differ from SQLite's (where `Upper()` changes only ASCII"
        " letters). A column that is plain on SQLite may hold anything. Where a repair changed a cell, SQLite's value"
        " was computed from the old one. This is reported where the cells were compared."
    ),
    remedy=N_(
        "Compare the values. SQLite's remain in the snapshot. Where PostgreSQL's are wrong, correct the expression."
    ),
)

FROM_MODELS = Rule(
    id="schema-from-models",
    level=Level.WARNING,
    title=N_("Schema made from the models"),
    meaning=(
        "`--schema models` makes the tables, indexes and constraints of the models as of the applied migrations."
        " Anything else that migrations make is missing: views, triggers, functions, extensions, all that RunSQL and"
        " RunPython do."
    ),
    remedy=N_("Compare with the migrations, and make by hand what is missing before the application uses it."),
)

FROM_MODEL = Rule(
    id="table-from-model",
    level=Level.WARNING,
    title=N_("Table made from its model"),
    meaning=(
        "No applied migration makes the table of this installed model; `--from-models`, or `--schema models`, made it"
        " from the model, in its final place, and its rows are moved and verified like all others. Parts of SQLite's"
        " table that the model does not have (other columns, triggers, indexes made by hand) are missing. A column with"
        " values is an error of its own."
    ),
    remedy=N_(
        "For an unmanaged model there is nothing more to do. For a managed one, record its migration on PostgreSQL"
        " afterwards: manage.py migrate --fake."
    ),
)

AT_START = Rule(
    id="written-at-start",
    level=Level.WARNING,
    title=N_("Source that the project writes to when it starts"),
    meaning=(
        "The database changed between the import of the applications and the first step of the run: by an"
        " AppConfig.ready() that writes on every start, or by another process in that moment. It came before the"
        " snapshot, so nothing of it is lost. It will happen on PostgreSQL with every start there."
    ),
    remedy=N_("Look for what AppConfig.ready() writes; with DATABASE_URL or --settings it need not be this database."),
)

NOT_COMPARED = Rule(
    id="view-not-compared",
    level=Level.WARNING,
    title=N_("View that returns other rows each time"),
    meaning=(
        "`--verify-only` reads the view again, and its SQL depends on the moment (`random()`, `datetime('now')`). Its"
        " rows now differ from those that were moved, so they cannot show whether those on PostgreSQL are right. The"
        " run that moved them has verified them. A view that returns the same rows as then is not reported."
    ),
    remedy=N_("The run that moved it has verified it. Check whether its rows were changed on PostgreSQL since."),
)

NOT_READ = Rule(
    id="bytes-not-read",
    level=Level.WARNING,
    title=N_("Bytes of the files that SQLite does not read"),
    meaning=(
        "SQLite silently ignores bytes that it cannot use: those behind the last page of the file, and a -wal from the"
        " first page with a wrong checksum on, including committed transactions. The database is read and moved without"
        " them. `sqlite_doctor` reports this, too. A file that is shorter than its pages, and a -wal or -journal of"
        " another database, stop the run."
    ),
    remedy=N_(
        "Keep a copy of all files as they are. Where rows are missing, look for a complete copy of the file with its"
        " -wal."
    ),
)

RUN_RULES = (
    NOT_READ,
    COMPUTED,
    FROM_MODELS,
    FROM_MODEL,
    AT_START,
    NOT_COMPARED,
    LOGICAL_REPLICATION,
)


def written_at_start() -> Finding:
    """Report a source that changed while Django was set up."""
    return AT_START.finding(
        table="",
        explanation=_(
            "The source was written to while the project started, before anything was copied: by an AppConfig.ready()"
            " of its own, or by another process. What was written is in the snapshot."
        ),
    )


def bytes_not_read(explanation: str) -> Finding:
    """Report bytes that SQLite does not read."""
    return NOT_READ.finding(table="", explanation=explanation)


def made_from_models(tables: int) -> Finding:
    """Report a schema of so many tables that no migration made."""
    return FROM_MODELS.finding(
        table="django_migrations",
        explanation=_(
            "No migration was run: the schema ({tables}) is made from the models, and the record of migrations is"
            " SQLite's. Anything that migrations make besides the models is missing.",
            tables=pluralize(tables, "table", "tables"),
        ),
    )


def made_from_model(model: ModelNames) -> Finding:
    """Report a table that was made from an installed model, since no migration makes it."""
    return FROM_MODEL.finding(
        table=model.target,
        explanation=_(
            "No applied migration makes {table}: it is made from the installed model {model}, and its rows are moved.",
            table=model.target,
            model=model.label,
        ),
        remedy=_(
            "Once it is published, record its migration on PostgreSQL: manage.py migrate --fake {migration}",
            migration=model.migration,
        )
        if model.migration
        else _("There is nothing to do. Indexes and triggers made by hand in SQLite are missing."),
    )


def not_compared(view: VerifiedTable) -> Finding:
    """Report a copied view that --verify-only cannot compare."""
    return NOT_COMPARED.finding(
        table=view.name,
        explanation=_(
            "The rows of this view depend on the moment, and differ from those that were moved, so they cannot be"
            " compared."
        ),
    )


def run_findings(verification: Verification) -> Iterator[Finding]:
    """Yield the findings of a verification that are no differences."""
    for difference in (found for table in verification.tables for found in table.otherwise):
        yield COMPUTED.finding(
            table=difference.table,
            column=difference.column,
            count=difference.count,
            samples=[
                Sample(key=one.key, value=f"{_shown(one.source)} → {_shown(one.target)}")
                for one in difference.samples[:SAMPLES]
            ],
            explanation=ngettext(
                "PostgreSQL computes {column} itself. {n:,} value differs from SQLite's; both are shown, SQLite's"
                " first.",
                "PostgreSQL computes {column} itself. {n:,} values differ from SQLite's; both are shown, SQLite's"
                " first.",
                difference.count,
                column=difference.column,
            ),
        )


def _shown(value: str | None) -> str:
    return "NULL" if value is None else repr(value)
