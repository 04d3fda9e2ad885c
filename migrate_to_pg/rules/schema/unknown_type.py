"""Find values for types of which it is unknown whether PostgreSQL keeps all of a text, and which are not sent."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.text_types import is_known
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, SetRule, Subject
from migrate_to_pg.rules.malformed import condition


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such column that holds a value. Only a server knows the types of a project."""
    for table in subject.plan.tables if not subject.plan.offline else ():
        for column in table.loaded_columns:
            filled = condition("{c} IS NOT NULL", column)
            if not codec_for(column.target).by_text or is_known(column.target):
                continue
            if count := samples.count(subject, table.source, filled):
                message = Message(
                    explanation=_(
                        "PostgreSQL's column is {type}. Its values would be sent as text and cast, and it is unknown"
                        " whether that type keeps all of a text.",
                        type=column.target.type_sql,
                    ),
                    remedy=_(
                        "Set the column to NULL in a copy of SQLite and fill it on PostgreSQL after the move, or leave"
                        " the table out: --exclude-data {table}",
                        table=table.name,
                    ),
                )
                yield samples.finding_of_rows(
                    RULE, subject, table, filled, message, count=count, column=column.name, shown=[column.source]
                )


RULE = SetRule(
    id="unknown-type",
    level=Level.ERROR,
    title=N_("Value for a type that is not known"),
    meaning=(
        "Types that migrate_to_pg cannot send in binary are sent as text, which PostgreSQL casts. For some types the"
        " cast silently drops what it cannot hold. `codecs/text_types.py` lists the types for which it was tested what"
        " is kept. Any other type, such as a composite type or one of an extension, stops the run where a row holds a"
        " value. A column of NULLs does not. Only a server knows the types: `--check` does not."
    ),
    remedy=N_("Fill the column on PostgreSQL after the move, or leave the table out with --exclude-data."),
    find=find,
)
