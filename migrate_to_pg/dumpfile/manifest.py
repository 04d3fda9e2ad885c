"""What a dump says about itself: records, to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: What this program writes, and the only one that it reads.
FORMAT = 1
#: What a line of sqlite_schema may be about.
KINDS = ("table", "index", "view", "trigger")
#: SQLite's storage classes of what is not NULL.
CLASSES = ("integer", "real", "text", "blob")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLine:
    """A line of sqlite_schema, less the number of its page."""

    type: str
    name: str
    tbl_name: str
    #: None for the index of a constraint.
    sql: str | None
    #: Whether it has pages of its own: views, triggers and virtual tables have none.
    stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredColumn:
    """A column that is on the disk: a virtual generated one is not."""

    name: str
    #: The storage classes of its values, in SQLite's own words: integer, real, text, blob; none where all are NULL.
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPart:
    """A part of the key that a WITHOUT ROWID table is sorted by."""

    column: int
    collation: str
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """A table with pages of its own, and what they hold."""

    name: str
    columns: tuple[StoredColumn, ...]
    #: The place of the INTEGER PRIMARY KEY, which is the rowid; None where there is none.
    alias: int | None
    #: Empty for a table with rowids.
    key: tuple[KeyPart, ...]
    rows: int = 0
    #: Of every row in the order of the table: rowid, values, their storage classes; hexadecimal.
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What an SQLite file is, besides its tables."""

    encoding: str
    page_size: int
    user_version: int
    application_id: int
    schema: tuple[SchemaLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that a dump holds besides the rows."""

    #: ISO 8601 with offset.
    written: str
    #: Name -> version of what wrote it.
    versions: Mapping[str, str]
    #: The file that was dumped: its path on its own machine, bytes of the snapshot, SHA-256 of the file.
    path: str
    bytes: int
    sha256: str
    #: The name that it has in DATABASES, and the zone that its naive times mean.
    alias: str
    time_zone: str
    migrations: tuple[tuple[str, str], ...]
    #: As in report.json.
    findings: tuple[Mapping[str, Any], ...]
    database: Database
    #: In the order of the schema; their rows are in ``member(0)``, ``member(1)`` ...
    tables: tuple[StoredTable, ...]


def member(number: int) -> str:
    """The name in the archive of a table's rows."""
    return f"tables/{number:04}.arrow"


def dumps(manifest: Manifest) -> bytes:
    """As JSON."""
    return json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1).encode("ascii")


def format_of(data: object) -> object:
    """What a manifest says its format is, whatever else it says."""
    return data.get("format") if isinstance(data, dict) else None


def from_json(data: Mapping[str, Any]) -> Manifest:
    """The manifest that such JSON holds; KeyError, TypeError, ValueError or AttributeError where it is none."""
    given = {key: value for key, value in data.items() if key != "format"}
    database = dict(given.pop("database"))
    schema = tuple(SchemaLine(**line) for line in database.pop("schema"))
    made = Manifest(
        **given
        | {
            "migrations": tuple((str(app), str(name)) for app, name in given["migrations"]),
            "findings": tuple(dict(finding) for finding in given["findings"]),
            "tables": tuple(map(_table, given["tables"])),
            "database": Database(schema=schema, **database),
        }
    )
    _require_kinds(made)
    return made


def _table(data: Mapping[str, Any]) -> StoredTable:
    columns = tuple(StoredColumn(name=c["name"], classes=tuple(c["classes"])) for c in data["columns"])
    key = tuple(KeyPart(**part) for part in data["key"])
    return StoredTable(**{**data, "columns": columns, "key": key})


def _require_kinds(manifest: Manifest) -> None:
    """What is compared, counted or put into SQL must be what it is taken for."""
    database = manifest.database
    numbers = [manifest.bytes, database.page_size, database.user_version, database.application_id]
    numbers += [number for table in manifest.tables for number in (table.rows, table.alias or 0)]
    numbers += [part.column for table in manifest.tables for part in table.key]
    texts = [manifest.path, manifest.sha256, manifest.alias, manifest.time_zone, manifest.written, database.encoding]
    texts += [text for line in database.schema for text in (line.type, line.name, line.tbl_name, line.sql or "")]
    texts += [text for table in manifest.tables for text in (table.name, table.sha256, *_names(table))]
    classes = {kind for table in manifest.tables for column in table.columns for kind in column.classes}
    stored = [line.name for line in database.schema if line.stored and line.type == "table"]
    for text in texts:
        str(text).encode()  # UnicodeEncodeError, a ValueError, where SQLite could not be given it
    if (
        any(type(number) is not int for number in numbers)
        or any(type(text) is not str for text in texts)
        or not classes.issubset(CLASSES)
        or any(line.type not in KINDS or type(line.stored) is not bool for line in database.schema)
        or any(line.stored and line.type not in ("table", "index") for line in database.schema)
        or stored != [table.name for table in manifest.tables]
    ):
        raise ValueError


def _names(table: StoredTable) -> list[str]:
    return [*(column.name for column in table.columns), *(part.collation for part in table.key)]
