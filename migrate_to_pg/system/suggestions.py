"""Suggest what was meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from migrate_to_pg.i18n import gettext as _

#: Characters without which nearly every name holds what was typed.
_ENOUGH = 3
#: Names in one question.
_MOST = 5


def did_you_mean(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a question that names what begins so or holds it, else what is spelled nearly so; else ``otherwise``."""
    folded = {one.lower(): one for one in sorted(known)}
    typed = name.lower()
    near = [one for one in folded if typed in one] if len(typed.strip("-")) >= _ENOUGH else []
    near.sort(key=lambda one: not one.startswith(typed))
    near = near[:_MOST] or get_close_matches(typed, folded, n=1, cutoff=0.7)
    if not near:
        return otherwise
    *others, last = (folded[one] for one in near)
    names = _("{names} or {last}", names=", ".join(others), last=last) if others else last
    return _("Did you mean {name}?", name=names)
