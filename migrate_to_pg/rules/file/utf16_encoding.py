"""Report a database that stores its text as UTF-16 (PRAGMA encoding, chosen once when it is made)."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.sqlite.sql import Sql


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding if the encoding is not UTF-8."""
    encoding = str(subject.rows(Sql("PRAGMA encoding"))[0][0])
    if encoding != "UTF-8":
        yield RULE.finding(
            table="",
            explanation=_(
                "The database's text is {encoding}. SQLite returns it as UTF-8, so it is moved and verified as UTF-8. A"
                " lone surrogate, which UTF-16 can hold and UTF-8 cannot, is read as the character U+FFFD.",
                encoding=encoding,
            ),
        )


RULE = SetRule(
    id="utf16-encoding",
    level=Level.WARNING,
    title=N_("Text stored as UTF-16"),
    meaning=(
        "SQLite returns text as UTF-8 whatever encoding it stores, so it is moved and verified as UTF-8. A lone"
        " surrogate, which UTF-16 can hold and UTF-8 cannot, is read as the character U+FFFD."
    ),
    remedy=N_("Nothing needs to be done. Look for U+FFFD where other programs wrote to the database."),
    find=find,
)
