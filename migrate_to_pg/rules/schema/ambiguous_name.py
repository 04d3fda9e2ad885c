"""Find names of PostgreSQL that several tables or columns of SQLite would fit."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import AmbiguousName, Finding, Level
from migrate_to_pg.rules.base import SetRule, Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each group of such names."""
    yield from map(finding, subject.plan.ambiguous_names)


def finding(ambiguous: AmbiguousName) -> Finding:
    """Return the finding for one group, with every name in it."""
    sources, targets = (", ".join(names) for names in (ambiguous.sources, ambiguous.targets))
    if ambiguous.table:
        question = _(
            "PostgreSQL's table {table} has the column {targets}. Several columns of SQLite match it: {sources}.",
            table=ambiguous.table,
            targets=targets,
            sources=sources,
        )
    else:
        question = _(
            "PostgreSQL has the table {targets}. Several tables of SQLite match it: {sources}.",
            targets=targets,
            sources=sources,
        )
    cause = _("PostgreSQL cuts a name at 63 bytes and distinguishes upper and lower case. SQLite does neither.")
    return RULE.finding(
        table=ambiguous.table or ambiguous.targets[0],
        column=", ".join(ambiguous.targets) if ambiguous.table else "",
        count=len(ambiguous.sources),
        explanation=f"{question} {cause}",
    )


RULE = SetRule(
    id="ambiguous-name",
    level=Level.ERROR,
    title=N_("Name that several tables or columns match"),
    meaning=(
        "The table of a model is found by its full name. PostgreSQL cuts names at 63 bytes and distinguishes upper and"
        " lower case. Where two tables or columns of SQLite match one name of PostgreSQL, or where the tables of two"
        " models would get the same name there, nothing is guessed and nothing is moved."
    ),
    remedy=N_(
        "Rename all but one of them in SQLite, or drop it there, after copying the file; of two models, give one a"
        " shorter db_table and migrate."
    ),
    find=find,
)
