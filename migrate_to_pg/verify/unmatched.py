"""Keep the rows that have no partner at their place in the order, and pair them at the end.

A row of one side may find its partner much later, because the two sides sort differently (a UUID in capitals), or not
at all. The pool is a temporary database of SQLite's, which SQLite writes to disk when it grows.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence

from migrate_to_pg.verify.differences import source_text, target_text
from migrate_to_pg.verify.rows import Column, Rows

SOURCE, TARGET = 0, 1

#: The forms of a row's cells, and the cells as text.
Cells = tuple[list[str | None], list[str | None]]

#: The n-th row of one key on one side is the partner of the n-th row of that key on the other.
PAIRS = """
SELECT digest, row_number() OVER (PARTITION BY digest, side ORDER BY rowid) AS n, side, cells
FROM pool ORDER BY digest, n, side
"""


class UnmatchedRows:
    """Keep the unmatched rows of one table."""

    def __init__(self, columns: Sequence[Column], key: Sequence[Column]) -> None:
        self._columns = columns
        self._key = [column.index for column in key]
        self._database: sqlite3.Connection | None = None

    def add(self, side: int, rows: Rows) -> None:
        """Keep all these rows of one side."""
        if not rows.count:
            return
        if self._database is None:
            self._database = temporary_database()
        self._database.executemany("INSERT INTO pool VALUES (?, ?, ?)", self._entries(side, rows))

    def _entries(self, side: int, rows: Rows) -> Iterator[tuple[bytes, int, str]]:
        everything = list(range(rows.count))
        text = source_text if side == SOURCE else target_text
        forms, shown = [], []
        for column in self._columns:
            values = rows.values(column.index, everything)
            form = column.source_form if side == SOURCE else column.target_form
            forms.append([form(value) for value in values])
            shown.append([text(column, value) for value in values])
        for cells, texts in zip(zip(*forms, strict=True), zip(*shown, strict=True), strict=True):
            yield digest([cells[index] for index in self._key]), side, json.dumps((cells, texts))

    def pairs(self) -> Iterator[tuple[Cells | None, Cells | None]]:
        """Yield both rows of each pair, and None beside a row without a partner."""
        if self._database is None:
            return
        for _, rows in itertools.groupby(self._database.execute(PAIRS), key=lambda row: row[:2]):
            sides = {side: json.loads(cells) for _, _, side, cells in rows}
            yield sides.get(SOURCE), sides.get(TARGET)

    def close(self) -> None:
        """Remove the temporary database."""
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()


def temporary_database() -> sqlite3.Connection:
    """Open a private database in SQLite's temporary files. SQLite removes it when it is closed."""
    database = sqlite3.connect("", isolation_level=None)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("CREATE TABLE pool (digest BLOB, side INTEGER, cells TEXT)")
    return database


def digest(key: Sequence[str | None]) -> bytes:
    """Return a key's forms as 32 bytes. repr keeps their borders apart."""
    return hashlib.blake2b(repr(key).encode("ascii", "backslashreplace"), digest_size=32).digest()
