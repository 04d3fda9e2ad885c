"""Report models that Django's system checks refuse on PostgreSQL, where every checking command would fail."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, SystemCheck
from migrate_to_pg.rules.base import SetRule, Subject

#: The name that Django itself gives to a column of a many-to-many table: PostgreSQL cuts it in the table and in every
#: query alike, so that the rows cross and the application works.
_HARMLESS = ("models.E019",)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each message of Django."""
    yield from map(_finding, subject.plan.system_checks)


def _finding(check: SystemCheck) -> Finding:
    failure = _(
        "Django's system check {id} fails on PostgreSQL for {object}: {message}",
        id=check.id,
        object=check.object,
        message=check.message,
    )
    if check.until:
        effect = _(
            "PostgreSQL {assumed} has what it needs; an older server, down to {until}, which is the oldest that this"
            " Django supports, may not. No server was asked: a run with a target asks the one that is meant.",
            assumed=check.assumed,
            until=check.until,
        )
    elif check.id in _HARMLESS:
        effect = _(
            "PostgreSQL cuts the name in the table and in every query alike: the rows are moved, and the application"
            " works. But manage.py migrate, and each command that checks the database, would end with it."
        )
    else:
        effect = _("After the move manage.py migrate, and each command that checks the database, would end with it.")
        if check.assumed:
            assumed = _("No server was asked: PostgreSQL {assumed} was assumed.", assumed=check.assumed)
            effect = f"{effect} {assumed}"
    return RULE.finding(
        table=check.table,
        column=check.column,
        level=Level.WARNING if check.until or check.id in _HARMLESS else Level.ERROR,
        explanation=f"{failure} {effect}",
        remedy=f"{check.hint} {_(RULE.remedy)}".strip(),
    )


RULE = SetRule(
    id="system-check",
    level=Level.ERROR,
    title=N_("Model that Django refuses on PostgreSQL"),
    meaning=(
        "Django's system checks of the models are run for the target's database (`databases=[alias]`), and one fails"
        " there that does not fail on SQLite: a generated column that is not stored, a column's name of more than 63"
        " bytes, a field that PostgreSQL does not support. The rows could be moved, but `manage.py migrate`, and each"
        " command that checks the database, would end with SystemCheckError. Checks that SILENCED_SYSTEM_CHECKS"
        " silences are not reported. Without a server the newest PostgreSQL is assumed; what fails on an older one"
        " alone is a warning. So is a many-to-many column whose name Django makes too long (models.E019): it works with"
        " the cut name, once the check is silenced."
    ),
    remedy=N_(
        "Correct the model, with a migration, before the move; or, where you know that it works there, name the check"
        " in SILENCED_SYSTEM_CHECKS."
    ),
    find=find,
)
