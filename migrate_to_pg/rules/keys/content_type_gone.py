"""Find content types whose model no installed application has any more, with the rows that refer to them."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, ngettext, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, Sample
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import SAMPLES, SetRule, Subject
from migrate_to_pg.rules.keys.generic_foreign_key_orphan import (
    TABLE,
    ContentType,
    content_types,
    generic_key_columns,
    type_condition,
)

#: Models named in one explanation.
_NAMED = 10


def find(subject: Subject) -> Iterator[Finding]:
    """Yield at most one finding."""
    stale = [content_type for content_type in content_types(subject) if content_type.table is None]
    if stale:
        described = [_describe(subject, content_type) for content_type in stale[:_NAMED]]
        if len(stale) > _NAMED:
            described.append(_("and {n:,} more", n=len(stale) - _NAMED))
        yield RULE.finding(
            table=TABLE,
            column="app_label, model",
            count=len(stale),
            samples=[
                Sample(key={"id": str(content_type.id)}, value=samples.format_value(str(content_type)))
                for content_type in stale[:SAMPLES]
            ],
            explanation=ngettext(
                "{n:,} content type names a model that no installed application has: {models}. The application was"
                " removed, or its model deleted or renamed without remove_stale_contenttypes. The row is moved as it"
                " is.",
                "{n:,} content types name models that no installed application has: {models}. The applications were"
                " removed, or the models deleted or renamed without remove_stale_contenttypes. The rows are moved as"
                " they are.",
                len(stale),
                models="; ".join(described),
            ),
        )


def _describe(subject: Subject, content_type: ContentType) -> str:
    """Name the model, with the numbers of its permissions and of the rows that refer to it."""
    references = []
    table = subject.plan.table("auth_permission")
    column = next((c for c in table.columns if c.name == "content_type_id"), None) if table else None
    if table and column and (count := samples.count(subject, table.source, type_condition(column, content_type))):
        references.append(pluralize(count, "permission", "permissions"))
    for key in subject.plan.generic_keys:
        found = generic_key_columns(subject, key)
        count = samples.count(subject, found[0].source, type_condition(found[1], content_type)) if found else 0
        if count:
            references.append(ngettext("{n:,} row of {table}", "{n:,} rows of {table}", count, table=key.table))
    # xgettext does not read f-strings.
    described = ", ".join(references) or _("nothing refers to it")
    return f"{content_type} ({described})"


RULE = SetRule(
    id="content-type-gone",
    level=Level.WARNING,
    title=N_("Content type of a model that no longer exists"),
    meaning=(
        "PostgreSQL takes the row, and the permissions and generic keys that refer to it. Django cannot use them, and"
        " ContentType.get_object_for_this_type() fails. A model exists if it is installed, or if the applied migrations"
        " have it."
    ),
    remedy=N_(
        "If the application was left out by mistake, install it again; else run manage.py remove_stale_contenttypes"
        " --include-stale-apps, which also deletes what refers to them."
    ),
    find=find,
)
