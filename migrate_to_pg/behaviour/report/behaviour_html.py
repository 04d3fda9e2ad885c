"""Render what pg_behaviour found as one page that needs no network and no script."""

from __future__ import annotations

from pathlib import Path

from django.template import Library

import migrate_to_pg.report
from migrate_to_pg.behaviour.records import Effect, Report
from migrate_to_pg.behaviour.report import words
from migrate_to_pg.behaviour.rules import RULES, BehaviourRule
from migrate_to_pg.i18n import duration, gettext, language, number
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.report.to_html import render

register = Library()
register.simple_tag(gettext, name="translate")
for function in (words.how_sure, words.title, words.instead, words.sides):
    register.filter(function.__name__, function)


@register.filter
def about(rule: str) -> BehaviourRule | None:
    """Return the rule itself, for its meaning and its example."""
    return RULES.get(rule)


def to_html(report: Report) -> str:
    """Return the report as a self-contained HTML document."""
    errors, different = report.count(Effect.ERROR), report.count(Effect.DIFFERENT)
    figures = [(_("Errors"), errors), (_("Other answers"), different), (_("Hints"), report.hints)]
    context = {
        "report": report,
        "language": language(),
        "style": "bad" if errors else "warning" if report.findings or not report.is_complete else "good",
        "headline": words.verdict(report),
        "started": report.started.replace("T", " ", 1),
        "subject": _("The application on PostgreSQL"),
        "kind": words.looked_by(report),
        "figures": [(name, number(count)) for name, count in figures],
        "groups": words.groups(report),
        "unexecuted_note": words.unexecuted_note(),
        "seconds": duration(report.seconds),
    }
    # The page that this one extends is that of the move's report.
    folders = (Path(__file__).parent, Path(migrate_to_pg.report.__file__).parent)
    return render("behaviour.html", context, __name__, *folders)
