"""Dumps that somebody wrote by hand, value by value: what is not taken is an DumpError."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migrate_to_pg.errors import DumpError
from tests.integration.dumping import dump, load, repack

WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1e308,
    "",
    "\ud800",
    "x\0y",
    "x" * 5000,
    [],
    [[]],
    {},
    {"x": 1},
    [None],
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE t (id integer PRIMARY KEY, b); INSERT INTO t VALUES (1, 2.5);"
            " CREATE TABLE w (a text, b, PRIMARY KEY (a, b DESC)) WITHOUT ROWID; INSERT INTO w VALUES ('a', 1);"
            " CREATE INDEX i ON w (b); CREATE VIEW v AS SELECT a FROM w"
        )
    dump(path, path.with_suffix(".dump"))
    return path.with_suffix(".dump")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in it there is a value."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def changed(manifest: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(manifest)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


def tried(file: Path, text: str | bytes) -> str:
    """What is said of a dump with that manifest; '' where it is taken."""
    repack(file, lambda members: [*members[:-1], ("manifest.json", text)])
    to = file.with_name("made.sqlite3")
    told = ""
    try:
        load(file, to)
    except DumpError as error:
        told = str(error)
    assert ("\n" in told, to.exists()) == (False, not told)
    to.unlink(missing_ok=True)
    return told


def test_a_value_of_another_type_in_the_manifest_is_refused_or_has_no_effect(file: Path) -> None:
    manifest = None

    def remember(members: list[Any]) -> list[Any]:
        nonlocal manifest
        manifest = json.loads(members[-1][1])
        return members

    repack(file, remember)
    assert tried(file, json.dumps(manifest)) == ""
    for path in places(manifest):
        # What is taken is made as it says and compared with it, or is a label that nothing is made of.
        said = [tried(file, json.dumps(changed(manifest, path, value))) for value in WRONG]
        assert any(said) or path[0] in ("findings", "migrations", "versions", "format"), path


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\xff\xfe{}", b"[" * 100_000, b'{"format": 2}', b'{"format": 1, "format": 2}',
        b'{"format": ' + b"9" * 5000 + b"}",
        b'{"format": 2, "findings": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", b"NaN", b'"x"', b"null",
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(text: bytes, file: Path) -> None:
    assert tried(file, text)
