"""Report tables of SQLite that no migration knows, which are copied to a schema of their own or left behind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from migrate_to_pg.i18n import N_, ngettext, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import LEFTOVERS, MOST_COLUMNS, Finding, Leftovers, Level, Plan, SourceTable
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.sqlite.sql import Sql, compose, join, name

#: A name in SQL, quoted in any way or not.
_NAME = re.compile(r"""\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^]]*\]|\w+""")
#: Objects that are not copied with a table.
_INDEXES_AND_TRIGGERS = Sql(
    "SELECT name FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
    " ORDER BY type, name"
)

#: Remedy for a table that is left behind.
_LEFT = N_(
    "Look at its rows; if they are needed, bring them into a table of the project (a model and a migration), or move"
    " them as they are: --leftovers copy. To leave the table behind: --leftovers skip."
)
#: Remedy for one that is copied.
_COPIED = N_(
    "Look at its rows there; if they are needed, bring them into a table of the project (a model and a migration);"
    " if not, drop the table. To leave it behind: --leftovers skip; to stop at it: --leftovers stop."
)
#: Remedy for one that has too many columns.
_WIDE = N_("Where its rows are needed, divide it into tables of fewer columns in SQLite; if not, drop it.")
#: Columns in one statement. SQLite's expressions have a depth of 1,000 at most.
_COLUMNS_AT_ONCE = 200
#: Remedy for a virtual one.
_SEARCH = N_(
    "Where the application searches, it needs an index of PostgreSQL's own: make one there by a migration"
    " (SearchVectorField and GinIndex of django.contrib.postgres), or use the backend that your search has for"
    " PostgreSQL, and fill it after the move."
)
#: What to do with its contents.
_ROWS_ELSEWHERE = N_("Where the table holds rows that are nowhere else, copy them to an ordinary table first.")
#: The same for an index that keeps no words.
_NO_ROWS = N_(
    "This search index keeps no text (content=''): its rows read as NULL and cannot be copied. What it finds is in the"
    " SQLite file alone, and is to be indexed anew from where its texts came."
)
_PURGED = N_("The snapshot is the only copy of the table that the tool keeps, and --purge removes it.")
#: An index of fts3, fts4 or fts5 that keeps no text. SQLite takes any quotes.
_CONTENTLESS = re.compile(r"\bUSING\s+fts[345]\b.*[(,]\s*content\s*=\s*(?:\'\'|\"\"|``|\[\])\s*[,)]", re.I | re.S)

_ON_SQLITE = N_("The migrations make this table on SQLite alone.")
_UNKNOWN = N_("No migration of the project makes this table.")
_ORIGINS = N_(
    "Such tables come from interrupted rebuilds"
    " (new__...), copies made by hand (..._old, ..._backup), applications since removed, and other programs."
)
#: Explanation where --as-leftovers names the table.
_CHOSEN = N_("It is the table of the installed model {models}, and is moved as a leftover, as --as-leftovers asks.")
#: Explanation without a server.
_UNSURE = N_(
    "No model of the project uses this table. A migration may make it by RunSQL or RunPython, and decides its place"
    " then; only a run with a server can tell. If none does, this applies."
)
_SET_SCHEMA = N_(
    "The model {models} looks for the table in the final schema. To put it there after the move, with the types of its"
    " values, which may differ from those of the model's fields:\n{statement}"
)
_REHEARSE = N_(
    "Rehearse (--rehearse --target embedded), which runs the migrations: it tells whether one of them makes the table,"
    " and what to do where none does."
)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such table. Shadow tables are part of the finding of their virtual table."""
    used = {unmade.name for unmade in subject.plan.unmade} - set(subject.plan.as_leftovers)
    for table in subject.plan.leftovers:
        if table.name in used:
            continue  # unmade-model-table reports it
        if table.unreadable and not (subject.leftovers is Leftovers.STOP and table.kind == "table"):
            # lacking-in-sqlite reports it with the reason.
            continue
        if table.kind == "virtual":
            yield _finding(subject, table, Level.WARNING, _virtual(subject, table), _search(table))
        elif table.kind == "table":
            yield _ordinary(subject, table)


def _search(table: SourceTable) -> str:
    """Advise on a virtual table, whose rows are not moved."""
    return " ".join(map(_, (_SEARCH, _NO_ROWS if _CONTENTLESS.search(table.sql) else _ROWS_ELSEWHERE, _PURGED)))


def _ordinary(subject: Subject, table: SourceTable) -> Finding:
    if subject.leftovers is Leftovers.COPY and (columns := _columns(subject, table)) > MOST_COLUMNS:
        return _too_wide(table, columns)
    if subject.leftovers is Leftovers.COPY:
        return _finding(subject, table, Level.WARNING, _destination(subject, table), _(_COPIED))
    effect = (
        ngettext(
            "{n:,} row stays behind, as --leftovers skip asks.",
            "{n:,} rows stay behind, as --leftovers skip asks.",
            table.rows,
        )
        if table.rows and subject.leftovers is Leftovers.SKIP
        else _describe_rows(table)
    )
    # Without a server it may be one that RunSQL makes, so it is no error.
    stops = subject.leftovers is Leftovers.STOP and table.rows > 0 and not subject.plan.offline
    return _finding(subject, table, Level.ERROR if stops else Level.WARNING, effect, _(_LEFT))


def _columns(subject: Subject, table: SourceTable) -> int:
    """Count the columns of the copy: one for each kind of values that a column of SQLite holds."""
    columns = table.columns
    # No column becomes more than five.
    if not MOST_COLUMNS / 5 < len(columns) <= MOST_COLUMNS:
        return len(columns)
    kinds = 0
    for start in range(0, len(columns), _COLUMNS_AT_ONCE):
        part = columns[start : start + _COLUMNS_AT_ONCE]
        counted_kinds = (
            compose(
                "max(count(DISTINCT CASE typeof({c}) WHEN 'null' THEN NULL WHEN 'integer' THEN 'real'"
                " ELSE typeof({c}) END), 1)",
                c=name(column.name),
            )
            for column in part
        )
        sum_of_kinds = join(" + ", counted_kinds)
        kinds += subject.number(
            compose("SELECT {kinds} FROM {table} NOT INDEXED", kinds=sum_of_kinds, table=name(table.name))
        )
    return kinds


def too_wide(plan: Plan, wide: Mapping[str, int], found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return a finding for each table that would have too many columns and is not among ``found`` as such."""
    reported = {
        finding.table for finding in found if finding.rule == RULE.id and f"{MOST_COLUMNS:,}" in finding.explanation
    }
    return tuple(_too_wide(t, wide[t.name]) for t in plan.leftovers if t.name in wide and t.name not in reported)


def _too_wide(table: SourceTable, columns: int) -> Finding:
    return RULE.finding(
        table=table.name,
        count=table.rows or 1,
        explanation=_(
            "No migration of the project makes this table, and it is left behind: it would have {columns:,} columns on"
            " PostgreSQL, which takes no more than {most:,} (a column of SQLite's that holds values of several kinds"
            " becomes one for each). {held} Everything else is moved; the table stays in the snapshot.",
            columns=columns,
            most=MOST_COLUMNS,
            held=_describe_rows(table),
        ),
        remedy=_(_WIDE),
    )


def _virtual(subject: Subject, table: SourceTable) -> str:
    shadows = [t.name for t in subject.plan.leftovers if t.kind == "shadow" and t.name.startswith(f"{table.name}_")]
    sentences = [
        _(
            "It is a virtual table, such as a search index. PostgreSQL has no such tables, so it stays in the snapshot"
            " alone."
        )
    ]
    if shadows:
        sentences.append(_("So do the tables that hold its contents: {tables}.", tables=", ".join(shadows)))
    sentences.append(_describe_rows(table))
    if triggers := ", ".join(triggers_that_name(subject, table)):
        sentences.append(_("The triggers that write to it are left behind as well: {triggers}.", triggers=triggers))
    return " ".join(sentences)


def triggers_that_name(subject: Subject, table: SourceTable) -> list[str]:
    """List the triggers of other tables whose SQL names this one, which are left behind with it."""
    own = Sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name <> ? COLLATE NOCASE")
    found = []
    for trigger, sql in subject.rows(own, table.name):
        words = _NAME.findall(sql)
        named = {w[1:-1].replace(w[-1] * 2, w[-1]).lower() if w[0] in "\"`['" else w.lower() for w in words}
        if table.name.lower() in named:
            found.append(trigger)
    return found


def _describe_rows(table: SourceTable) -> str:
    if not table.rows:
        return _("It holds no rows.")
    return ngettext("{n:,} row would stay behind.", "{n:,} rows would stay behind.", table.rows)


def _destination(subject: Subject, table: SourceTable) -> str:
    if table.name in subject.plan.excluded_leftovers:
        effect = _("The move makes it in schema {schema}, empty: its rows are excluded.", schema=LEFTOVERS)
    elif table.rows:
        rows = pluralize(table.rows, "row", "rows")
        effect = _("The move copies {rows}, as they are, to a table of schema {schema}.", rows=rows, schema=LEFTOVERS)
    else:
        effect = _("It holds no rows; the move makes it in schema {schema} all the same.", schema=LEFTOVERS)
    sentences = [effect]
    others = [str(found) for (found,) in subject.rows(_INDEXES_AND_TRIGGERS, table.name)]
    if others:
        sentences.append(_("Not copied: its indexes and triggers ({beside}).", beside=", ".join(others)))
    if table.foreign_keys:
        parents = ", ".join(dict.fromkeys(key.parent for key in table.foreign_keys))
        sentences.append(_("Not copied: its foreign keys, to {parents}.", parents=parents))
    return " ".join(sentences)


def _finding(subject: Subject, table: SourceTable, level: Level, effect: str, advice: str) -> Finding:
    on_sqlite = table.name.lower() in (subject.plan.made or {})
    # A migration that makes it here may make it on PostgreSQL as well. Only a server knows.
    unsure = subject.plan.offline and table.kind == "table"
    models = ", ".join(model for unmade in subject.plan.unmade if unmade.name == table.name for model in unmade.models)
    origins = ""
    if models:
        words = _CHOSEN
        if subject.leftovers is Leftovers.COPY:
            statement = compose("ALTER TABLE sqlite_leftovers.{table} SET SCHEMA public;", table=name(table.name))
            advice = _(_SET_SCHEMA, models=models, statement=statement)
    elif unsure:
        words, advice = _UNSURE, _(_REHEARSE)
    elif on_sqlite:
        words = _ON_SQLITE
    else:
        words = _UNKNOWN
        origins = "" if table.kind == "virtual" else _(_ORIGINS)
        # Triggers first: one that writes to a dropped table makes every write fail.
        triggers = triggers_that_name(subject, table)
        drops = [compose("DROP TRIGGER {trigger};", trigger=name(trigger)) for trigger in triggers]
        drops.append(compose("DROP TABLE {table};", table=name(table.name)))
        advice = _(
            "{remedy} To remove it from SQLite, after copying the file:\n{statements}",
            remedy=advice,
            statements="\n".join(drops),
        )
    return RULE.finding(
        table=table.name,
        count=table.rows or 1,
        level=level,
        explanation=" ".join(filter(None, [_(words, models=models), effect, origins])),
        remedy=advice,
    )


RULE = SetRule(
    id="leftover-table",
    level=Level.WARNING,
    title=N_("Table that no migration knows"),
    meaning=(
        "The migrations do not make the table on PostgreSQL. Its rows are copied to a table of schema sqlite_leftovers,"
        " whose types are those of the values, without its indexes, foreign keys and triggers. An error with"
        " --leftovers stop, where it holds rows. A virtual table (a search index) is left behind with the tables that"
        " it keeps its contents in and the triggers that write to it."
    ),
    remedy=N_("Bring its rows into a table of the project, drop the table, or leave it behind with --leftovers skip."),
    find=find,
)
