"""Know by which collation the target orders text, or say that it is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import models

from migrate_to_pg.behaviour.collation import BY_CODE, COLLATION
from migrate_to_pg.behaviour.sides import Sides
from migrate_to_pg.i18n import gettext as _


class Collations:
    """The collations of the copy and of the target, and the orderings of text that depend on them."""

    def __init__(self, sides: Sides, target: str | None) -> None:
        with sides.postgresql.cursor() as cursor:
            cursor.execute(COLLATION)
            self.copy = str(cursor.fetchone()[0])
        self.target = _asked(target) if target else ""
        self._texts: list[str] = []

    @property
    def is_by_code(self) -> bool:
        """Report whether the copy orders text by code points."""
        return self.copy in BY_CODE

    def note_text(self, name: str, field: Any, values: Sequence[Any]) -> None:
        """Remember an ordering whose text a language orders otherwise than code points do."""
        is_text = isinstance(field, models.CharField | models.TextField)
        if is_text and _depends(str(value) for value in values if value is not None):
            self._texts.append(name)

    def notes(self) -> list[str]:
        """Say which orderings depend on a collation that was not tried."""
        if not self._texts or (self.target and self.target == self.copy) or not self.is_by_code:
            return []
        names = ", ".join(dict.fromkeys(self._texts))
        if self.target:
            text = _(
                "The target orders text by {target}, its copy by {copy}. These orderings depend on it: {names}.",
                target=self.target,
                copy=self.copy,
                names=names,
            )
        else:
            text = _(
                "The collation of the target is not known, and the copy orders text by code points as SQLite does."
                " These orderings depend on it: {names}. With --target it is tried.",
                names=names,
            )
        return [text]


def _asked(target: str) -> str:
    from migrate_to_pg.project.target_database import choose_target, embedded_directory

    if embedded_directory(target) is not None:
        return ""
    with psycopg.connect(choose_target(target).conninfo, autocommit=True) as connection:
        row = connection.execute(COLLATION.encode()).fetchone()
        return str(row[0]) if row else ""


def _depends(values: Any) -> bool:
    """Return whether a language may order these texts otherwise: letters of both cases, other letters, or signs."""
    texts = {*values}
    letters = {letter for text in texts for letter in text}
    if any(not letter.isascii() for letter in letters):
        return True
    upper, lower = (any(test(letter) for letter in letters) for test in (str.isupper, str.islower))
    return (upper and lower and sorted(texts) != sorted(texts, key=str.casefold)) or False
