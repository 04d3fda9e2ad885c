"""An SQL script and the tables that PostgreSQL would have in, findings out."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import (
    Event,
    Finding,
    GenericKey,
    Leftovers,
    ModelNames,
    TargetColumn,
    TargetForeignKey,
    TargetIndex,
    TargetTable,
    TargetUnique,
)
from migrate_to_pg.sqlite.schema import read_made

_TYPES = {
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "boolean": "bool",
    "character varying": "varchar",
    "character": "bpchar",
    "double precision": "float8",
    "real": "float4",
    "timestamp with time zone": "timestamptz",
}
_PLAIN_TYPES = (
    "text",
    "citext",
    "bytea",
    "json",
    "jsonb",
    "uuid",
    "numeric",
    "date",
    "time",
    "timestamp",
    "inet",
    "cidr",
    "point",
    "name",
    "money",
)
_COLUMN = re.compile(
    rf"(?P<name>.+) (?P<type>{'|'.join([*sorted(_TYPES, reverse=True), *_PLAIN_TYPES, 'interval'])})"
    r"(?:\((?P<n>\d+)(?:, (?P<s>\d+))?\))?(?P<flags>( [A-Z]+)*)"
)


def column(text: str) -> TargetColumn:
    """``code character varying(20) NULL``: NOT NULL unless it says NULL; also DEFAULT, SERIAL, GENERATED."""
    match = _COLUMN.fullmatch(text)
    assert match, text
    type_name = _TYPES.get(match["type"], match["type"])
    limits = (int(match["n"]) if match["n"] else None, int(match["s"]) if match["s"] else None)
    flags = match["flags"].split()
    return TargetColumn(
        name=match["name"],
        type_name=type_name,
        type_sql=text[len(match["name"]) + 1 : match.start("flags")],
        not_null="NULL" not in flags,
        max_length=limits[0] if type_name in ("varchar", "bpchar") else None,
        precision=limits[0] if type_name == "numeric" else None,
        scale=limits[1] if type_name == "numeric" else None,
        generated="GENERATED" in flags,
        sequence="public.seq" if "SERIAL" in flags else None,
        has_default="DEFAULT" in flags,
    )


def table(
    name: str,
    *columns: str,
    key: str = "id",
    unique: Iterable[str | TargetUnique] = (),
    refers: Iterable[tuple[str, str]] = (),
    index: Iterable[str | TargetIndex] = (),
) -> TargetTable:
    """A table of PostgreSQL's; ``refers`` is ("course_id", "courses_course.id"), several columns with commas."""
    keys = tuple(key.split(", ")) if key else ()
    primary = [TargetUnique(name=f"{name}_pkey", columns=keys, primary=True)] if keys else []
    return TargetTable(
        name=name,
        columns=tuple(map(column, columns)),
        primary_key=keys,
        uniques=(*primary, *(u if isinstance(u, TargetUnique) else _unique(name, u) for u in unique)),
        foreign_keys=tuple(_foreign_key(name, *pair) for pair in refers),
        indexes=tuple(i if isinstance(i, TargetIndex) else _index(name, i) for i in index),
    )


def _unique(table_name: str, columns: str) -> TargetUnique:
    return TargetUnique(name=f"{table_name}_{columns}_key", columns=tuple(columns.split(", ")))


def _index(table_name: str, columns: str) -> TargetIndex:
    return TargetIndex(name=f"{table_name}_{columns}_idx", columns=tuple(columns.split(", ")))


def _foreign_key(table_name: str, columns: str, to: str) -> TargetForeignKey:
    parent, _, parent_columns = to.rpartition(".")
    return TargetForeignKey(
        name=f"{table_name}_{columns}_fk",
        columns=tuple(columns.split(", ")),
        parent=parent,
        parent_columns=tuple(parent_columns.split(", ")),
    )


def findings(
    script: str | Callable[[sqlite3.Connection], object],
    *targets: TargetTable,
    accepted: Iterable[str] = (),
    leftovers: Leftovers = Leftovers.COPY,
    time_zone: str = "UTC",
    local_times: bool = False,
    progress: Callable[[Event], None] = lambda _: None,
    drift: bool = False,
    models: Mapping[tuple[str, str], str] = MappingProxyType({}),
    generic_keys: Iterable[tuple[str, str, str]] = (),
    views: Iterable[str] = (),
    offline: bool = False,
    names: Sequence[ModelNames] = (),
    of_models: Iterable[TargetTable] = (),
    may_be_made: bool = False,
    made: str = "",
    as_leftovers: tuple[str, ...] = (),
) -> tuple[Finding, ...]:
    """What examine finds in a SQLite file made by a script, against those tables of PostgreSQL.

    The scripts declare no more than they need: that this is drift is left out unless asked for.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A name that a URI must escape.
        path = Path(folder) / "copy 100%?#.sqlite3"
        make(path, script)
        catalog = read_source(path)
        plan = make_plan(
            catalog,
            targets,
            source_time_zone=time_zone,
            local_times=local_times,
            models=models,
            generic_keys=tuple(
                GenericKey(table=table_name, content_type_column=kind, object_column=row)
                for table_name, kind, row in generic_keys
            ),
            views=tuple(views),
            names=names,
            promised=of_models,
        )
        unmade = tuple(replace(one, may_be_made=may_be_made) for one in plan.unmade)
        plan = replace(plan, offline=offline, unmade=unmade, as_leftovers=as_leftovers)
        if made:
            with closing(sqlite3.connect(":memory:")) as database:
                database.executescript(made)
                plan = replace(plan, made=read_made(database))
        before = path.read_bytes()
        found = examine(plan, catalog, path, accepted=frozenset(accepted), progress=progress, leftovers=leftovers)
        assert path.read_bytes() == before
        assert [child.name for child in Path(folder).iterdir()] == [path.name]
        return found if drift else tuple(finding for finding in found if finding.rule != "schema-drift")


def make(path: Path, script: str | Callable[[sqlite3.Connection], object]) -> None:
    """A SQLite file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        if callable(script):
            script(database)
        else:
            database.executescript(script)


def check_finds(
    rule: str, script: str | Callable[[sqlite3.Connection], object], *targets: TargetTable, **options: object
) -> Finding:
    """Exactly one finding, of that rule."""
    found = findings(script, *targets, **options)  # type: ignore[arg-type]
    assert [finding.rule for finding in found] == [rule], found
    assert all(len(sample.value) <= 80 for sample in found[0].samples)
    assert found[0].explanation
    assert found[0].remedy
    return found[0]


def check_healthy(
    script: str | Callable[[sqlite3.Connection], object], *targets: TargetTable, **options: object
) -> None:
    """No finding at all."""
    found = findings(script, *targets, **options)  # type: ignore[arg-type]
    assert found == ()


def keys(finding: Finding) -> list[str]:
    """The samples' keys, shortly: ["3", "7"]."""
    return [", ".join(sample.key.values()) for sample in finding.samples]


def values(finding: Finding) -> list[str]:
    """The samples' values."""
    return [sample.value for sample in finding.samples]


def with_value(value: str) -> str:
    """A table without a declared type that holds the value as row 4, and NULL."""
    return f"CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (4, {value}), (5, NULL);"
