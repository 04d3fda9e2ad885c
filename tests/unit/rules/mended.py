"""An SQL script, the tables that PostgreSQL would have and the accepted repairs in; what these made of it out."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import Finding, GenericKey, TargetTable
from migrate_to_pg.row_repair.engine import Accepted, repair_rows
from tests.unit.rules.examined import make, table

Script = str | Callable[[sqlite3.Connection], object]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that the mending left behind."""

    #: Table -> its rows in the working copy, in the order of their rowids.
    rows: dict[str, list[tuple[object, ...]]]
    #: (rule, table, column, row, old, new) of each line.
    changed: list[tuple[str, str, str, int, object, object]]
    #: (rule, table, row, fate, kept) of each line.
    removed: list[tuple[str, str, int, str, int | None]]
    reasons: list[str]
    #: Table -> the rows set aside, whole, the rowid first.
    kept: dict[str, list[tuple[object, ...]]]
    #: The keys of the journal's lines, changed cells first.
    keys: list[dict[str, str]]
    findings: tuple[Finding, ...]
    #: Table -> rows, as the plan that load gets has them.
    planned: dict[str, int] = field(default_factory=dict)

    @property
    def applied(self) -> list[tuple[str, str, str]]:
        """(rule, table, column) of what was mended."""
        return [(f.rule, f.table, f.column) for f in self.findings if f.applied]

    @property
    def remaining(self) -> list[tuple[str, str, str, int]]:
        """(rule, table, column, count) of what was not."""
        return [(f.rule, f.table, f.column, f.count) for f in self.findings if not f.applied]


def mended(
    script: Script,
    *targets: TargetTable,
    fix: Iterable[str] = (),
    quarantine: Iterable[str] = (),
    accepted: Accepted | None = None,
    time_zone: str = "UTC",
    models: Mapping[tuple[str, str], str] | None = None,
    generic_keys: tuple[GenericKey, ...] = (),
) -> Outcome:
    """Repair a SQLite file made by a script; the snapshot must stay as it is to the byte.

    ``fix`` and ``quarantine`` are rules, each named; ``accepted`` may stand in their place.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, working, journal = (Path(folder) / f"{name} 100%?#.sqlite3" for name in ("copy", "working", "journal"))
        make(path, script)
        before = path.read_bytes()
        catalog = read_source(path)
        plan = make_plan(catalog, targets, source_time_zone=time_zone, models=models or {}, generic_keys=generic_keys)
        accepted = accepted or Accepted(fix=frozenset(fix), quarantine=frozenset(quarantine))
        found = examine(plan, catalog, path, accepted=accepted.fix, progress=lambda _: None)
        found = tuple(finding for finding in found if finding.rule != "schema-drift")
        _, after, findings = repair_rows(
            plan, catalog, path, found, accepted=accepted, working=working, journal=journal, progress=lambda _: None
        )
        assert path.read_bytes() == before
        assert {child.name for child in Path(folder).iterdir()} == {path.name, working.name, journal.name}
        planned = {table.name: table.source.rows for table in after.tables}
        return _outcome(working, journal, findings, planned)


def _outcome(working: Path, journal: Path, findings: tuple[Finding, ...], planned: dict[str, int]) -> Outcome:
    with closing(_opened(working)) as database, closing(_opened(journal)) as record:
        changed = record.execute('SELECT rule, "table", "column", row, old, new, key FROM changed ORDER BY rowid')
        lines = changed.fetchall()
        aside = record.execute(
            'SELECT rule, "table", row, fate, kept, reason, key FROM aside ORDER BY rowid'
        ).fetchall()
        return Outcome(
            rows={name: _rows(database, name) for name in _tables(database) if not name.startswith("sqlite_")},
            changed=[tuple(line[:6]) for line in lines],
            removed=[tuple(line[:5]) for line in aside],
            reasons=[line[5] for line in aside],
            keys=[json.loads(line[6]) for line in (*lines, *aside)],
            kept={name.removeprefix("rows of "): _rows(record, name) for name in _tables(record, "rows of %")},
            findings=findings,
            planned=planned,
        )


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return database


def _tables(database: sqlite3.Connection, like: str = "%") -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND name LIKE ?"
    return [name for (name,) in database.execute(query, [like])]


def _rows(database: sqlite3.Connection, name: str) -> list[tuple[object, ...]]:
    quoted = '"' + name.replace('"', '""') + '"'
    return database.execute(f"SELECT * FROM {quoted} ORDER BY 1").fetchall()


def typed(value: object) -> tuple[type, object]:
    """So that 1, 1.0 and '1' are three values."""
    return type(value), value


def insert(database: sqlite3.Connection, row: int, value: object) -> None:
    """A row of table t (id, v); text may be no UTF-8."""
    if isinstance(value, str):
        database.execute("INSERT INTO t VALUES (?, CAST(? AS TEXT))", [row, value.encode("utf-8", "surrogateescape")])
    else:
        database.execute("INSERT INTO t VALUES (?, ?)", [row, value])


#: What a value becomes that has no repair.
STANDS = object()


def check_mends(rule: str, type_sql: str, old: object, new: object, *, time_zone: str = "UTC") -> None:
    """One value in a column ``v`` of that type becomes another, or STANDS; the record says the same."""

    def build(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v)")
        insert(database, 7, old)

    done = mended(build, table("t", "id bigint", f"v {type_sql}"), fix=[rule])
    ((_, value),) = done.rows["t"]
    if new is STANDS:
        assert typed(value) == typed(old)
        assert done.changed == []
        assert [(f.rule, f.applied) for f in done.findings] == [(rule, False)]
        return
    assert typed(value) == typed(new)
    ((*place, was, became),) = done.changed
    assert place == [rule, "t", "v", 7]
    assert (typed(was), typed(became)) == (typed(old), typed(new))
    assert done.keys == [{"id": "7"}]
    assert done.applied == [(rule, "t", "v")]


def filled(declared: str, value: Any, database: sqlite3.Connection) -> None:
    """Make table t with one row that holds the value."""
    database.execute(f"CREATE TABLE t (id integer PRIMARY KEY, v {declared})")
    insert(database, 1, value)
