"""Suggest known names that resemble an unknown one."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from migrate_to_pg.i18n import gettext as _

#: Nearly every name contains a shorter text.
_MIN_LENGTH = 3
_MAX_NAMES = 5


def did_you_mean(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a question that names what begins with or contains the text, else what is spelled alike.

    Return ``otherwise`` where nothing does.
    """
    folded = {one.lower(): one for one in sorted(known)}
    typed = name.lower()
    near = [one for one in folded if typed in one] if len(typed.strip("-")) >= _MIN_LENGTH else []
    near.sort(key=lambda one: not one.startswith(typed))
    near = near[:_MAX_NAMES] or get_close_matches(typed, folded, n=1, cutoff=0.7)
    if not near:
        return otherwise
    *others, last = (folded[one] for one in near)
    names = _("{names} or {last}", names=", ".join(others), last=last) if others else last
    return _("Did you mean {name}?", name=names)
