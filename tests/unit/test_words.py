"""The command line that a report shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate_to_pg.records import Options, Verify
from migrate_to_pg.words import command_line


@pytest.mark.parametrize(
    "target",
    [
        "postgres://user:pl4nted@host:5432/name",
        "postgres://user:p%40pl4nted@host/name?sslmode=require",
        "postgres://:pl4nted@host/name",
        "postgres://host/name?user=u&password=pl4nted&sslmode=require",
        "postgres://user:a:pl4nted@host/name",
    ],
)
def test_no_password_is_ever_shown(target: str) -> None:
    line = command_line(Options(target=target))
    assert "pl4nted" not in line
    assert "***" in line
    assert "host" in line


def test_it_is_what_a_person_would_type() -> None:
    options = Options(
        source="a b.sqlite3", target="embedded", mode="rehearse", verify=Verify.CELLS, fix=("all",), keep=True
    )
    assert command_line(options) == (
        "manage.py migrate_to_pg --rehearse --source 'a b.sqlite3' --target embedded --verify cells --fix all --keep"
    )
    dump = Options(mode="dump", source="a.sqlite3", dump=Path("a b.dump"))
    assert command_line(dump) == "manage.py migrate_to_pg --dump 'a b.dump' --source a.sqlite3"
    load = Options(mode="rehearse", from_dump=Path("a.dump"), target="embedded")
    assert command_line(load) == (
        "manage.py migrate_to_pg --rehearse --from-dump a.dump --target embedded --verify counts"
    )
    assert command_line(Options(mode="undo")) == "manage.py migrate_to_pg --undo"
