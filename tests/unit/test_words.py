"""The command line that a report shows."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from migrate_to_pg.pipeline.next_steps import Published, after_undo, command_line, next_steps, server_left
from migrate_to_pg.records import Invocation, Options, Publication, Trial, Verify


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


def test_a_copy_goes_on_with_what_it_is_for_and_shows_no_password() -> None:
    words = ("--try", "--", "psql", "-c", "SELECT 1", "postgres://user:pl4nted@host/name")
    trial = Trial(words=words, fresh=True, target="postgres://user:pl4nted@host:5432/name")
    options = Options(target="postgres://postgres@%2Fcopy/try_1", fix=("all",), trial=trial)
    assert command_line(options) == (
        "manage.py migrate_to_pg --target postgres://user@host:5432/name --fix all --fresh"
        " --try -- psql -c 'SELECT 1' ..."
    )


def test_a_rehearsal_with_an_export_is_followed_by_a_move_without_one() -> None:
    options = Options(mode="rehearse", target="postgres://app@host/shop", export=Path("a.dump"), export_for=15)
    assert next_steps(options, None, None) == ("Move:\nmanage.py migrate_to_pg --target postgres://app@host/shop",)


@pytest.mark.parametrize(
    ("program", "migrate"),
    [
        (("python", "manage.py", "migrate_to_pg"), "python manage.py migrate"),
        (("python", "-m", "migrate_to_pg"), "python -m django migrate"),
        (("/a b/python", "-m", "django", "migrate_to_pg"), "'/a b/python' -m django migrate"),
    ],
)
def test_the_next_commands_begin_as_this_one_did(program: tuple[str, ...], migrate: str) -> None:
    options = Options(target="postgres://app:pl4nted@host/shop", invocation=Invocation(program=program))
    done = Publication(schema="public", tables=("a",), replaced=(), archive="", locked_seconds=0.1)
    steps = next_steps(options, Published(publication=done, switch="", unapplied=0, snapshot="s"), None)
    lines = [line for step in steps for line in step.splitlines()]
    assert migrate in lines
    assert f"{shlex.join(program)} --undo --target postgres://app@host/shop" in lines
    assert "The password of --target is not repeated here: put it back." in lines


@pytest.mark.parametrize(
    ("program", "begins"),
    [
        (("python3.12", "manage.py", "migrate_to_pg"), "python3.12 -m"),
        (("/a b/python", "-m", "django", "migrate_to_pg"), "'/a b/python' -m"),
        (("./manage.py", "migrate_to_pg"), "python -m"),
    ],
)
def test_commands_about_the_embedded_server_use_the_interpreter_that_was_typed(
    program: tuple[str, ...], begins: str
) -> None:
    steps = server_left(Options(target="embedded:/srv/pg", invocation=Invocation(program=program)))
    assert [step.splitlines()[1].partition(" migrate_to_pg")[0] for step in steps] == [begins, begins]


@pytest.mark.parametrize("source", ["/nowhere/db.sqlite3", "/" + "x" * 5000, "/etc/hosts/db.sqlite3"])
def test_a_file_that_is_not_found_after_an_undo_is_named_all_the_same(source: str) -> None:
    undone = Publication(schema="public", tables=(), replaced=("a",), archive="b", locked_seconds=0.1, source=source)
    first, *_ = after_undo(Options(mode="undo", target="postgres://app@host/shop"), undone, {})
    assert first == (
        f"Set the application's database back to SQLite: {source} was published, which is not on this machine, or not"
        " there any more."
    )
