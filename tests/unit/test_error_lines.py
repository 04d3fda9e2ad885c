"""An error on a terminal: folded between words, but for what is to be copied."""

from __future__ import annotations

import io

import pytest
from django.core.management.base import BaseCommand

from migrate_to_pg.errors import UsageError
from migrate_to_pg.management.console import print_error

COMMAND = "python manage.py migrate_to_pg --rehearse --source /srv/shop/db.sqlite3 --target postgres://app@db/shop"
ERROR = UsageError(
    "Schema public holds what was published there on 2026-01-12 10:00 from /srv/db.sqlite3: 1,433 rows in 6 tables.",
    detail=["a detail of which there is so much to say that a terminal of eighty columns does not hold all of it"],
    remedy=f"Run this:\n{COMMAND}",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO) -> list[str]:
    print_error(BaseCommand(stderr=stream, no_color=True), ERROR, "Nothing was published.")
    return stream.getvalue().splitlines()


def test_on_a_terminal_no_word_is_broken_and_a_command_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = told(Terminal())
    assert COMMAND in lines
    assert all(len(line) <= 80 for line in lines if line != COMMAND)
    assert " ".join(" ".join(lines).split()) == " ".join(" ".join(told(io.StringIO())).split())
    # What belongs to a detail stands below it.
    assert [line[:2] for line in lines if "detail" in line or "all of it" in line] == ["  ", "  "]


def test_in_a_log_each_part_is_one_line() -> None:
    assert len(told(io.StringIO())) == 4
