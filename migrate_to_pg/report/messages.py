"""Name stages, count what is not shown, and make every character visible: shared by reports and progress display."""

from __future__ import annotations

from migrate_to_pg.i18n import N_, gettext, ngettext

#: What the stages are called; report.json has the English names.
STAGES = (
    *(N_("start"), N_("server start"), N_("server stop"), N_("validate"), N_("snapshot"), N_("catalog")),
    *(N_("stage"), N_("examine"), N_("dump"), N_("export"), N_("load"), N_("leftovers"), N_("restore"), N_("prove")),
    *(N_("publish"), N_("undo"), N_("integrity"), N_("probe"), N_("trial"), N_("repair")),
)
#: Spaces that are no fault in text, though Python does not call them printable: French puts them before ? and :
_FRENCH_SPACES = "\u00a0\u202f"


def stage_name(stage: str) -> str:
    """Return what a person calls a stage."""
    return gettext(stage)


def visible(text: str) -> str:
    r"""Make everything visible that a terminal or a reader would not show: ESC -> \x1b."""
    return "".join(c if c.isprintable() or c in _FRENCH_SPACES else ascii(c)[1:-1] for c in text)


def more_rows(count: int) -> str:
    """Count the rows that are not shown. Return '' for none."""
    return ngettext("and {n:,} more row", "and {n:,} more rows", count) if count > 0 else ""


def more_cells(count: int) -> str:
    """Count the cells that are not shown. Return '' for none."""
    return ngettext("and {n:,} more cell", "and {n:,} more cells", count) if count > 0 else ""


def more_differences(count: int) -> str:
    """Count the differences that are not shown. Return '' for none."""
    return ngettext("and {n:,} more difference", "and {n:,} more differences", count) if count > 0 else ""
