"""Report rows that only PostgreSQL can judge, and refused: text that it cannot read, an overflow in a generated column.

The load finds that there are such rows, and a trial of each row (``load.find_refused``) finds which they are. Without a
server, SQLite knows of some of them (``examine.generated_columns``).
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterable, Iterator

from migrate_to_pg.i18n import N_, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import masked_key
from migrate_to_pg.records import Finding, Level, PlannedTable, Refusal, Sample, SourceColumn
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import SAMPLES, Offence, SetRule, Subject
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.values import check_constraint
from migrate_to_pg.sqlite.connection import rowid_name
from migrate_to_pg.sqlite.sql import compose, name, names, number


def find(_: Subject) -> Iterator[Finding]:
    """Yield nothing: SQLite cannot find such rows."""
    return iter(())


def offences(_: Subject, __: PlannedTable) -> Iterator[Offence]:
    """Yield nothing: no condition of SQLite finds such rows, which are known by number."""
    return iter(())


def unreported(subject: Subject, refusals: Iterable[Refusal]) -> Iterator[Refusal]:
    """Yield the refusals that no other rule reports."""
    for refusal in refusals:
        table = subject.plan.table(refusal.table)
        if table and not _is_known(table, refusal):
            known = check_constraint.found_by(subject, table, refusal.constraint) if refusal.constraint else frozenset()
            left = [row for row in refusal.rows if row not in known]
            if left:
                yield dataclasses.replace(refusal, rows=left) if known else refusal


def _is_known(table: PlannedTable, refusal: Refusal) -> bool:
    """Return whether a rule of its own reports the refusal: NULL in a NOT NULL column, or text that is too long."""
    columns = {c.name: c for c in table.loaded_columns}
    loaded = [columns[column] for column in refusal.columns if column in columns]
    if refusal.sqlstate == "23502":
        return bool(loaded)
    return refusal.sqlstate == "22001" and any(column.target.max_length is not None for column in loaded)


def rule_of(table: PlannedTable, refusal: Refusal) -> SetRule:
    """Return the rule that a refusal belongs to: that of a table's own constraint, else this one."""
    if refusal.sqlstate == "23514" and refusal.constraint in {check.name for check in table.target.checks}:
        return check_constraint.RULE
    if refusal.sqlstate == "23505" and refusal.constraint in {unique.name for unique in table.target.uniques}:
        return duplicate_key.RULE
    return RULE


def findings(subject: Subject, refusals: Iterable[Refusal]) -> Iterator[Finding]:
    """Yield a finding for each reason in each column."""
    for refusal in refusals:
        table = subject.plan.table(refusal.table)
        if table:
            yield _finding(subject, table, refusal)


def _finding(subject: Subject, table: PlannedTable, refusal: Refusal) -> Finding:
    # The columns at fault, and those that a generated one is computed from.
    sources = {c.name: c.source.name for c in table.columns}
    names = (sources.get(column, column) for column in (*refusal.columns, *refusal.inputs))
    shown = [column for column in map(table.source.column, names) if column]
    sentences = [
        _(
            "PostgreSQL refuses {rows}: {reason} ({sqlstate}).",
            rows=pluralize(len(refusal.rows), "row", "rows"),
            reason=refusal.reason,
            sqlstate=refusal.sqlstate,
        )
    ]
    if refusal.inputs:
        sentences.append(_("PostgreSQL computes the column from {inputs}.", inputs=", ".join(refusal.inputs)))
    if refusal.sqlstate in ("23P01", "23505"):
        sentences.append(_("It accepts each of these rows alone, and refuses it because of a row before it."))
    found = rule_of(table, refusal).finding(
        table=table.name,
        column=", ".join(refusal.columns),
        count=len(refusal.rows),
        samples=_samples(subject, table, shown, refusal),
        explanation=" ".join(sentences),
        remedy=_(
            "Correct the values in SQLite, or change what refuses them (the column's type, the expression, the"
            " constraint) in the model and migrate."
        ),
    )
    return dataclasses.replace(found, quarantinable=bool(table.key), repair="")


def _samples(subject: Subject, table: PlannedTable, shown: list[SourceColumn], refusal: Refusal) -> tuple[Sample, ...]:
    first = refusal.rows[:SAMPLES]
    if rowid_name(table.source) is not None:
        try:
            return samples.samples(subject, table, shown, first)
        except sqlite3.OperationalError:
            # A generated column may call a function of Django's; what it is computed from can be shown all the same.
            return samples.samples(subject, table, [column for column in shown if not column.generated], first)
    return tuple(_sample_at(subject, table, shown, place) for place in first)


def _sample_at(subject: Subject, table: PlannedTable, shown: list[SourceColumn], place: int) -> Sample:
    """Return a sample of the row at a place, counted from 1, in the order in which all rows were read."""
    key = [column.source.name for column in table.key]
    (row,) = subject.rows(
        compose(
            "SELECT {columns} FROM {table} NOT INDEXED LIMIT 1 OFFSET {place}",
            columns=names([*key, *(column.name for column in shown)]) if key or shown else number(0),
            table=name(table.source.name),
            place=number(place - 1),
        )
    )
    keys = {column: samples.key_value(value) for column, value in zip(key, row, strict=False)}
    values = row[len(key) :] if key or shown else ()
    texts = (samples.format_cell(table, column, value) for column, value in zip(shown, values, strict=False))
    return Sample(
        key=masked_key(table.source.name, keys) or {"row": str(place)}, value=samples.truncate(", ".join(texts))
    )


RULE = SetRule(
    id="refused-row",
    level=Level.ERROR,
    title=N_("Row that PostgreSQL refuses"),
    meaning=(
        "Only PostgreSQL can judge these rows: a text that it does not read as an array, a range or another of its"
        " types, a domain, an exclusion constraint, a generated column that it cannot compute (an overflow, a division"
        " by zero). The load finds that there is such a row. Each row of every table that had one refused is then"
        " tried, and the refused ones are reported by column and reason, in PostgreSQL's own words. Rows that a CHECK"
        " or a unique constraint refuses are also reported so, by check-constraint and duplicate-key. A lost"
        " connection, a full disk and the like are not reported as rows. `--check`, which asks no server, knows only of"
        " those whose generated value, as SQLite computes it, does not fit the column."
    ),
    remedy=N_("Correct the values in SQLite, or change what refuses them in the model and migrate."),
    find=find,
    offences=offences,
)
