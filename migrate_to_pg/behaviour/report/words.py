"""Say in words what the text and the page have in common: verdict, certainty, ways, counts."""

from __future__ import annotations

from migrate_to_pg.behaviour.records import Behaviour, Certainty, Effect, Report, Way
from migrate_to_pg.behaviour.rules import RULES
from migrate_to_pg.i18n import N_, gettext, ngettext
from migrate_to_pg.i18n import gettext as _

_WAYS = {Way.TESTS: N_("tests"), Way.QUERIES: N_("queries"), Way.DATA: N_("data"), Way.CODE: N_("code")}
_CERTAINTIES = {
    Certainty.SEEN: N_("seen on both databases"),
    Certainty.CONFIRMED: N_("confirmed by PostgreSQL or by the data"),
    Certainty.HINT: N_("a hint: nothing was tried"),
}


def verdict(report: Report) -> str:
    """Return the first line of every report."""
    errors, different, hints = report.count(Effect.ERROR), report.count(Effect.DIFFERENT), report.hints
    parts = [
        *([ngettext("{n:,} error", "{n:,} errors", errors)] if errors else []),
        *([ngettext("{n:,} other answer", "{n:,} other answers", different)] if different else []),
        *([ngettext("{n:,} hint", "{n:,} hints", hints)] if hints else []),
    ]
    if not parts and not report.is_complete:
        return _("Nothing was found, but not everything was looked at: the notes say why.")
    if not parts:
        return _("Nothing was found that behaves otherwise on PostgreSQL.")
    return _("On PostgreSQL: {found}.", found=", ".join(parts))


def looked_by(report: Report) -> str:
    """Name the ways that were taken."""
    return ", ".join(gettext(_WAYS[way]) for way in report.ways)


def how_sure(found: Behaviour) -> str:
    """Say how sure a finding is, by which ways it was found, and how often."""
    ways = ", ".join(gettext(_WAYS[way]) for way in found.ways)
    certainty = gettext(_CERTAINTIES[found.certainty])
    times = ngettext("{n:,} time", "{n:,} times", found.count)
    return _("{certainty}; found by {ways}, {times}", certainty=certainty, ways=ways, times=times)


def title(found: Behaviour) -> str:
    """Return the title of the finding's rule, or its id where a later version made it."""
    rule = RULES.get(found.rule)
    return gettext(rule.title) if rule else found.rule


def instead(found: Behaviour) -> str:
    """Say what to write on both databases."""
    rule = RULES.get(found.rule)
    return gettext(rule.instead) if rule else ""


def sides(found: Behaviour) -> list[tuple[str, str]]:
    """Return what each database answers, and the SQL, under their names."""
    example = found.example
    answer = f"{example.postgresql} ({example.sqlstate})" if example.sqlstate else example.postgresql
    named = [("SQLite", example.sqlite), ("PostgreSQL", answer), (_("SQL"), example.sql)]
    return [(name, text) for name, text in named if text]


def groups(report: Report) -> list[tuple[str, str, list[Behaviour]]]:
    """Return (id, title, findings) of the errors, the other answers and the hints, without what is empty."""
    sure = [found for found in report.findings if found.certainty is not Certainty.HINT]
    parts = [
        ("errors", _("Errors on PostgreSQL"), [found for found in sure if found.effect is Effect.ERROR]),
        ("different", _("Other answers on PostgreSQL"), [found for found in sure if found.effect is Effect.DIFFERENT]),
        ("hints", _("Hints"), [found for found in report.findings if found.certainty is Certainty.HINT]),
    ]
    return [part for part in parts if part[2]]


def unexecuted_note() -> str:
    """Explain the list of lines with SQL that were only read."""
    return _("SQL on these lines was read, but neither executed nor judged by PostgreSQL as a whole:")
