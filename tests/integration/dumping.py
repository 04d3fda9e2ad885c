"""Dumps made and read by the parts themselves, and databases compared by Python's own sqlite3."""

from __future__ import annotations

import hashlib
import json
import resource
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from migrate_to_pg.dumpfile import DumpedSource, Manifest, write
from migrate_to_pg.records import DumpFacts, Event, Snapshot
from migrate_to_pg.sqlite.snapshot import Source


def dump(
    path: Path,
    to: Path,
    progress: Callable[[Event], None] = lambda event: None,
    *,
    limit: int | None = None,
    copy: Path | None = None,
) -> DumpFacts:
    """``limit``: how large a file may grow from here on."""
    copy = copy or to.with_suffix(".snapshot")
    copy.unlink(missing_ok=True)
    with Source(path) as source:
        snapshot = source.copy(copy)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    manifest = Manifest(
        written="2026-01-12T10:00:00+01:00",
        versions={"migrate_to_pg": "0"},
        path=str(path),
        sha256=snapshot.source_sha256,
        alias="default",
        time_zone="Europe/Brussels",
        migrations=(("auth", "0001_initial"),),
        findings=({"rule": "x"},),
        bytes=snapshot.size,
    )
    return write(to, snapshot, manifest, progress)


def load(file: Path, to: Path, progress: Callable[[Event], None] = lambda event: None) -> Snapshot:
    with DumpedSource(file, progress) as source:
        return source.copy_pages(to)


def around(path: Path) -> Path:
    """The database after a dump and a load of it."""
    file, back = path.with_suffix(".dump"), path.with_suffix(".back")
    for old in (file, back):
        old.unlink(missing_ok=True)
    dump(path, file)
    load(file, back)
    return back


def contents(path: Path) -> dict[str, Any]:
    """All of a database: its schema, the numbers of its header, each row with its number and its values, bit by bit."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        lines = connection.execute("SELECT type, name, tbl_name, sql, rootpage > 0 FROM sqlite_master ORDER BY rowid")
        schema = lines.fetchall()
        found: dict[str, Any] = {"schema": schema}
        for pragma in ("encoding", "page_size", "user_version", "application_id"):
            found[pragma] = connection.execute(f"PRAGMA {pragma}").fetchone()
        for kind, name, *_, stored in schema:
            if kind == b"table" and stored:
                found[name.decode()] = list(rows(connection, name.decode()))
    return found


def rows(connection: sqlite3.Connection, name: str) -> Iterator[tuple[object, ...]]:
    quoted = '"' + name.replace('"', '""') + '"'
    columns = [column[0].decode() for column in connection.execute("SELECT name FROM pragma_table_xinfo(?)", [name])]
    kinds = ", ".join('typeof("{}")'.format(column.replace('"', '""')) for column in columns)
    without = connection.execute("SELECT wr FROM pragma_table_list(?)", [name]).fetchone()[0]
    number = "" if without else next(n for n in ("_rowid_, ", "oid, ", "rowid, ") if n[:-2] not in columns)
    for row in connection.execute(f"SELECT {number}{kinds}, * FROM {quoted} NOT INDEXED"):
        yield tuple(struct.pack(">d", value) if isinstance(value, float) else value for value in row)


def integrity(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [line for (line,) in connection.execute("PRAGMA integrity_check")]


SEAL = b"migrate_to_pg dump, SHA-256 of all before this line: "


def seal(path: Path) -> None:
    """Give a file that was tampered with a seal that holds."""
    raw = path.read_bytes()
    start = raw.rindex(SEAL)
    path.write_bytes(raw[: start + len(SEAL)] + hashlib.sha256(raw[:start]).hexdigest().encode())


def repack(file: Path, change: Callable[[list[Any]], list[Any]]) -> None:
    """The archive with its members as ``change`` makes them of a list of (name, bytes), sealed again."""
    with zipfile.ZipFile(file) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(file, "w") as archive:
        for name, data, *how in change(members):
            archive.writestr(name, data, *how)
        archive.comment = SEAL + b"0" * 64
    seal(file)


def with_manifest(change: Callable[[Any], object]) -> Callable[[list[Any]], list[Any]]:
    """A change of the manifest alone."""

    def changed(members: list[Any]) -> list[Any]:
        manifest = json.loads(members[-1][1])
        change(manifest)
        return [*members[:-1], ("manifest.json", json.dumps(manifest))]

    return changed
