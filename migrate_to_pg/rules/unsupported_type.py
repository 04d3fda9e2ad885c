"""A column of a PostgreSQL type that this version cannot carry."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.columns import codec_for
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.rule import SetRule, Subject


def find(subject: Subject) -> Iterator[Finding]:
    """One finding for each column that would be loaded and has no codec."""
    for table in subject.plan.tables:
        for column in table.loaded_columns:
            if codec_for(column.target) is None:
                yield RULE.finding(
                    table=table.name,
                    column=column.name,
                    explanation=(
                        f"PostgreSQL's column is {column.target.type_sql}, a type that this version cannot carry from"
                        " SQLite and prove. Its values were not examined; the other columns were."
                    ),
                    remedy=f"Change the model's field to a type that is carried, or ask for {column.target.type_sql}.",
                )


RULE = SetRule(
    id="unsupported-type",
    level=Level.ERROR,
    title="Column type that is not carried",
    meaning="The column could be neither loaded nor proven, so the run stops before anything is loaded.",
    remedy="Change the model's field to a type that is carried, or ask for this type.",
    find=find,
)
