"""Suggest what was meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from migrate_to_pg.language import gettext as _


def did_you_mean(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a question that names what is spelled nearly so; ``otherwise`` where nothing is."""
    folded = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), folded, n=1, cutoff=0.7)
    return _("Did you mean {name}?", name=folded[near[0]]) if near else otherwise
