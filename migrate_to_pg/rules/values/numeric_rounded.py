"""Find numbers of which SQLite holds more digits than Django reads. What the application shows is what is moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrate_to_pg.codecs.numeric import INTEGERS_ARE_EXACT, fifteen_digits
from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import MASK
from migrate_to_pg.records import Finding, Level, PlannedColumn, Sample
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, SetRule, Subject
from migrate_to_pg.rules.malformed import condition
from migrate_to_pg.sqlite.sql import Sql, compose, name, number


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such column and reason."""
    yield from samples.findings_of_marked(RULE, subject, _rounds, _explain)
    if not INTEGERS_ARE_EXACT:
        for finding in samples.findings_of_marked(RULE, subject, _is_rounded_integer, _explain_integer):
            yield replace(finding, samples=tuple(map(_beside_django_value, finding.samples)))


def _rounds(column: PlannedColumn) -> Sql | None:
    """Return an expression that is 1 for such values.

    A product settles most values, SQLite's round most others. The rest are read as Django reads them.
    """
    if column.target.type_name != "numeric" or not column.target.precision:
        return None
    scale = column.target.scale or 0
    return compose(
        "CASE WHEN typeof({c}) = 'real' AND {c} * {power} <> CAST({c} * {power} AS INTEGER) AND {c} <> round({c}, {s})"
        " THEN pg_rounds({c}, {p}, {s}) END",
        c=name(column.source.name),
        power=Sql(f"1e{max(scale, 0)}"),
        p=number(column.target.precision),
        s=number(scale),
    )


def _is_rounded_integer(column: PlannedColumn) -> Sql | None:
    """Return an expression that is 1 for whole numbers that Django before 6.1 rounds, because it takes 15 digits."""
    if column.target.type_name != "numeric":
        return None
    return condition(
        "CASE WHEN typeof({c}) = 'integer' AND {c} NOT BETWEEN -999999999999999 AND 999999999999999"
        " THEN pg_rounds_whole({c}) END",
        column,
    )


def _explain(_subject: Subject, column: PlannedColumn, count: int) -> Message:
    found = ngettext(
        "{n:,} value has more than the {scale} decimals that the model keeps.",
        "{n:,} values have more than the {scale} decimals that the model keeps.",
        count,
        scale=column.target.scale,
    )
    effect = _(
        "Django rounds such values whenever it reads them, and PostgreSQL will hold what Django reads. SQLite's own"
        " results, in sums or generated columns, use all decimals, and may change."
    )
    remedy = _("If the further decimals matter, raise decimal_places in the model and migrate before the move.")
    return Message(explanation=f"{found} {effect}", remedy=remedy)


def _beside_django_value(sample: Sample) -> Sample:
    if sample.value == MASK:
        return sample
    read = format(fifteen_digits(int(sample.value)), "f")
    return replace(sample, value=_("SQLite holds {held}, Django reads {read}", held=sample.value, read=read))


def _explain_integer(_subject: Subject, column: PlannedColumn, count: int) -> Message:
    found = ngettext(
        "{n:,} whole number has more than 15 digits.", "{n:,} whole numbers have more than 15 digits.", count
    )
    if column.target.exact:
        effect = _(
            "SQLite holds all of them; the installed Django reads 15 and rounds the number. PostgreSQL will hold all"
            " digits, as --exact-decimals asks, so Django will read other numbers than today."
        )
        return Message(explanation=f"{found} {effect}", remedy=_("Nothing needs to be done."))
    effect = _(
        "SQLite holds all of them; the installed Django reads 15 and rounds the number, and Django 6.1 and later read"
        " all. PostgreSQL will hold the rounded numbers; only the snapshot will hold all digits."
    )
    remedy = _("To move the numbers with all their digits, run with --exact-decimals.")
    return Message(explanation=f"{found} {effect}", remedy=remedy)


RULE = SetRule(
    id="numeric-rounded",
    level=Level.WARNING,
    title=N_("Number that Django reads rounded"),
    meaning=(
        "SQLite keeps whatever decimals a program writes; Django rounds to decimal_places, half to even, when it reads."
        " PostgreSQL receives what Django reads. Noise beyond the 15 digits that Django takes of a REAL is not counted."
        " Of a whole number of 16 digits and more, an INTEGER in SQLite, Django before 6.1 reads 15 digits, too, and"
        " the move would make that final: `--exact-decimals` moves all digits."
    ),
    remedy=N_(
        "If the further decimals matter, raise decimal_places in the model and migrate before the move; whole numbers"
        " are moved exactly with --exact-decimals."
    ),
    find=find,
)
