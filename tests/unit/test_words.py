"""The command line that a report shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate_to_pg.records import Options, Verify
from migrate_to_pg.words import command_line


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("postgres://user:pl4nted@host:5432/name", "postgres://user@host:5432/name"),
        ("postgres://user:p%40pl4nted@host/name?sslmode=require", "postgres://user@host/name"),
        ("postgres://:pl4nted@host/name", "postgres://host/name"),
        ("postgres://host/name?user=u&password=pl4nted&sslmode=require", "postgres://u@host/name"),
        ("postgres://user:a:pl4nted@host/name", "postgres://user@host/name"),
        ("postgres://user:@%2Frun%2Fpostgresql:5433/name", "postgres://user@%2Frun%2Fpostgresql:5433/name"),
        ("postgres://user:a/pl4nted@host/name", "..."),
        ("user:pl4nted@host/name", "..."),
        ("default", "default"),
        ("embedded:a", "embedded:a"),
    ],
)
def test_the_target_is_rebuilt_from_its_parts(target: str, shown: str) -> None:
    assert command_line(Options(target=target)) == f"manage.py migrate_to_pg --target {shown}"


def test_it_is_what_a_person_would_type() -> None:
    options = Options(
        source="a b.sqlite3", target="embedded", mode="rehearse", verify=Verify.CELLS, fix=("all",), keep=True
    )
    assert command_line(options) == (
        "manage.py migrate_to_pg --rehearse --source 'a b.sqlite3' --target embedded --fix all --keep"
    )
    dump = Options(mode="dump", source="a.sqlite3", dump=Path("a b.dump"))
    assert command_line(dump) == "manage.py migrate_to_pg --dump 'a b.dump' --source a.sqlite3"
    load = Options(mode="rehearse", from_dump=Path("a.dump"), target="embedded")
    assert command_line(load) == ("manage.py migrate_to_pg --rehearse --from-dump a.dump --target embedded")
    assert command_line(Options(mode="undo")) == "manage.py migrate_to_pg --undo"
