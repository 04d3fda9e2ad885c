"""The models of the migration state, the file that was loaded and the staged schema go in; what Django's ORM reads out.

The last word on equality: what the application will read on PostgreSQL is what it reads on SQLite. Read are the columns
of plain QuerySets of historical models, by values_list: no model of the project is instantiated, no manager of its own
asked, no signal sent; only its fields' own converters run. Every foreign key is followed on both sides by the ORM.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import ipaddress
import struct
import sys
import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django.db
from django.apps.registry import Apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models
from django.db.models import Exists, OuterRef
from django.db.utils import ConnectionHandler

from migrate_to_pg.errors import ProofError
from migrate_to_pg.lacking import equip, stand_in
from migrate_to_pg.language import counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.prove.forms import FIFTEEN_DIGITS
from migrate_to_pg.prove.verdict import SAMPLES
from migrate_to_pg.records import Difference, OrmTable, Plan, PlannedTable

#: Rows that are read at a time: their keys stand in one statement.
CHUNK = 1000
#: Levels of a JSON document that no SQLite takes: 1000 since 3.42, 2000 before.
DEEPEST = 2000
#: What Django ends with where it cannot read a value.
UNREADABLE = (
    django.db.Error,
    FieldDoesNotExist,
    ValueError,
    TypeError,
    RecursionError,
    ArithmeticError,
)
SOURCE, TARGET = "migrate_to_pg_source", "migrate_to_pg_target"

Row = tuple[Any, ...]


def prove_orm(apps: Apps, plan: Plan, loaded: Path, entry: Mapping[str, Any]) -> tuple[OrmTable, ...]:
    """Each model's table as the ORM reads it on both sides; a difference is reported, never raised.

    ``loaded`` is the SQLite file that was loaded, repairs and all; ``entry`` the target as an entry of DATABASES whose
    connections see the staged schema. Raises ProofError where Django itself cannot read a table.
    """
    with _deep_stack(), _connected(SOURCE, _sqlite(loaded, plan.source_time_zone)), _connected(TARGET, entry):
        zone = zoneinfo.ZoneInfo(plan.source_time_zone) if plan.local_times else None
        return tuple(_Reading(model, table, zone).run() for model, table in _pairs(apps, plan))


def _pairs(apps: Apps, plan: Plan) -> Iterator[tuple[type[models.Model], PlannedTable]]:
    """One model for each planned table; of several the first."""
    seen: set[str] = set()
    for model in apps.get_models(include_auto_created=True):
        table = plan.table(model._meta.db_table.strip('"'))
        if table is not None and table.name not in seen and not model._meta.proxy:
            seen.add(table.name)
            yield model, table


def _sqlite(path: Path, time_zone: str) -> dict[str, Any]:
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    entry: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": uri}
    return entry | ({"TIME_ZONE": time_zone} if settings.USE_TZ else {})


@contextlib.contextmanager
def _deep_stack() -> Iterator[None]:
    """Room for documents as deep as SQLite takes: json.loads ends at Python's limit, less what is called already."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + DEEPEST)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextlib.contextmanager
def _connected(alias: str, entry: Mapping[str, Any]) -> Iterator[None]:
    """The alias, for as long as this lasts and in this thread."""
    connection = ConnectionHandler({"default": {}, alias: dict(entry)})[alias]
    connections[alias] = connection
    try:
        if connection.vendor == "sqlite":
            # What a receiver of the project's cannot do with a file that is read only is not needed to read it.
            with contextlib.suppress(Exception):
                connection.ensure_connection()
            if connection.connection is not None:
                equip(connection.connection)
                stand_in(connection.connection)
        yield
    finally:
        connection.close()
        del connections[alias]


class _Reading:
    """One model on both sides."""

    def __init__(self, model: type[models.Model], table: PlannedTable, zone: zoneinfo.ZoneInfo | None) -> None:
        self.model = model
        self.table = table
        #: Of the local times that PostgreSQL gives; None where both sides give moments with a zone.
        self.zone = zone
        # What PostgreSQL computes itself is proven by its own expression.
        there = {column.name for column in table.columns if not column.target.generated}
        self.fields = [field for field in model._meta.local_concrete_fields if field.column in there]
        # By their attribute names a foreign key is the value that it holds.
        self.names = ["pk", *(field.attname for field in self.fields)]
        self.differences = 0
        self.samples: list[Difference] = []

    def run(self) -> OrmTable:
        try:
            rows = self._compare()
            followed = self._follow()
        except UNREADABLE as error:
            raise ProofError(
                _("Django's ORM cannot read table {table}: {error}", table=self.table.name, error=error),
                remedy=_("Nothing was published. --verify cells compares it without the ORM."),
            ) from error
        return OrmTable(
            name=self.table.name,
            rows=rows,
            values=rows * len(self.fields),
            keys_followed=followed,
            differences=self.differences,
            samples=tuple(self.samples),
        )

    def _queryset(self, alias: str) -> Any:
        return models.QuerySet(self.model, using=alias)

    def _compare(self) -> int:
        rows = 0
        for chunk in self._chunks():
            rows += len(chunk)
            # The key of an unmanaged model may be none in the table: several rows have it.
            found: dict[Any, list[Row]] = {}
            for row in self._there(chunk):
                found.setdefault(_hashable(row[0]), []).append(row)
            for row in chunk:
                self._judge(row, self._taken(row, found.get(_hashable(row[0]), [])))
        extra = self._queryset(TARGET).count() - rows
        if extra > 0:
            self._add("extra", {}, "", None, _("{rows} more than in SQLite", rows=counted(extra, "row", "rows")))
        return rows

    def _taken(self, row: Row, found: list[Row]) -> Row | None:
        """Take the row out that is the same, else the first of those that have its key."""
        same_row = (index for index, other in enumerate(found) if not any(self._unequal(row, other)))
        return found.pop(next(same_row, 0)) if found else None

    def _unequal(self, row: Row, found: Row) -> Iterator[tuple[Any, Any, Any]]:
        """The fields in which two rows differ, and what each holds."""
        for field, source, target in zip(self.fields, row[1:], found[1:], strict=True):
            exact = self.table.target.column(str(field.column)).exact
            if not _equality(field, exact=exact)(source, target):
                yield field, source, target

    def _chunks(self) -> Iterator[list[Row]]:
        chunk: list[Row] = []
        rows = self._queryset(SOURCE).order_by("pk").values_list(*self.names).iterator(chunk_size=CHUNK)
        for row in (tuple(_local(value, self.zone) for value in row) for row in rows) if self.zone else rows:
            # Rows that share a key stay together.
            if len(chunk) >= CHUNK and chunk[-1][0] != row[0]:
                yield chunk
                chunk = []
            chunk.append(row)
        if chunk:
            yield chunk

    def _there(self, chunk: Sequence[Row]) -> list[Row]:
        keys = [row[0] for row in chunk]
        return list(self._queryset(TARGET).filter(pk__in=keys).values_list(*self.names))

    def _judge(self, row: Row, found: Row | None) -> None:
        key = {", ".join(self.table.target.primary_key): str(row[0])}
        if found is None:
            self._add("missing", key, "", _row_text(self.names, row), None)
            return
        for field, source, target in self._unequal(row, found):
            self._add("changed", key, str(field.column), repr(source), repr(target))

    def _add(self, kind: str, key: Mapping[str, str], column: str, source: str | None, target: str | None) -> None:
        self.differences += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(
                Difference(table=self.table.name, key=key, column=column, kind=kind, source=source, target=target)
            )

    def _follow(self) -> int:
        """Every key that finds its row, on both sides; how many did."""
        total = 0
        for field in self.fields:
            if field.remote_field is None or not self._is_read(field):
                continue
            found = [self._found(alias, field) for alias in (SOURCE, TARGET)]
            if found[0] < found[1]:
                found[0] = self._found_by_value(field)
            if found[0] != found[1]:
                texts = [_("{keys} with a row", keys=counted(count, "key", "keys")) for count in found]
                self._add("changed", {}, str(field.column), *texts)
            total += found[1]
        return total

    def _is_read(self, field: Any) -> bool:
        """Whether the ORM knows the table that the key leads to, in this database."""
        tables = connections[TARGET].introspection.table_names()
        return field.remote_field.model._meta.db_table.strip('"') in tables

    def _found(self, alias: str, field: Any) -> int:
        parent: Any = models.QuerySet(field.remote_field.model, using=alias)
        target = field.target_field.attname
        keyed = self._queryset(alias).filter(**{f"{field.attname}__isnull": False})
        return int(keyed.filter(Exists(parent.filter(**{target: OuterRef(field.attname)}))).count())

    def _found_by_value(self, field: Any) -> int:
        """How many keys have a row in SQLite as Django reads both: its joins miss another spelling of a uuid."""
        parents: Any = models.QuerySet(field.remote_field.model, using=SOURCE)
        known = set(map(_hashable, parents.values_list(field.target_field.attname, flat=True).iterator()))
        keys = self._queryset(SOURCE).filter(**{f"{field.attname}__isnull": False})
        return sum(_hashable(key) in known for key in keys.values_list(field.attname, flat=True).iterator())


def _local(value: Any, zone: zoneinfo.ZoneInfo | None) -> Any:
    """A moment that names an offset as PostgreSQL gives it without USE_TZ: the same instant as local time."""
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        return value
    try:
        return value.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return value


def _hashable(key: Any) -> Any:
    return bytes(key) if isinstance(key, memoryview) else key


def _row_text(names: Sequence[str], row: Row) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in zip(names[1:], row[1:], strict=True))


def same(source: Any, target: Any) -> bool:
    """Whether the application would see any difference: the type counts, and a decimal's places, and a float's bits."""
    if isinstance(source, (memoryview, bytes)) and isinstance(target, (memoryview, bytes)):
        return bytes(source) == bytes(target)
    if type(source) is not type(target):
        return False
    if isinstance(source, decimal.Decimal):
        return bool(source.as_tuple() == target.as_tuple())
    if isinstance(source, float):
        return struct.pack("<d", source) == struct.pack("<d", target)
    # Of moments the instant counts: in which zone each database gives them is a matter of settings.
    return bool(source == target)


def _equality(field: Any, *, exact: bool) -> Callable[[Any, Any], bool]:
    if isinstance(field, models.JSONField):
        return same_json
    if exact:
        return same_exact
    return same_address if isinstance(field, models.GenericIPAddressField) else same


def same_exact(source: Any, target: Any) -> bool:
    """A decimal that was carried with all its digits, of which Django reads fifteen from SQLite; see ``forms``."""
    if same(source, target) or not isinstance(source, decimal.Decimal) or not isinstance(target, decimal.Decimal):
        return same(source, target)
    read = FIFTEEN_DIGITS.create_decimal(target)
    return target == target.to_integral_value() and read == source and source.as_tuple()[2] == target.as_tuple()[2]


def same_address(source: Any, target: Any) -> bool:
    """Addresses, however they are spelled: PostgreSQL gives them back in its own way, and another program may not."""
    try:
        return ipaddress.ip_interface(source) == ipaddress.ip_interface(target)
    except ValueError:
        return same(source, target)


def same_json(source: Any, target: Any) -> bool:
    """Objects by their keys, arrays by their places, true is not 1; numbers by value, which is all that jsonb keeps.

    So 1e2 is 100 there, 1e308 an integer, and -0.0 is 0.0. Without recursion: a document may be as deep as the stack.
    """
    waiting = [(source, target)]
    while waiting:
        one, other = waiting.pop()
        if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            waiting.extend((value, other[key]) for key, value in one.items())
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            waiting.extend(zip(one, other, strict=True))
        elif isinstance(one, (dict, list)) or not _same_scalar(one, other):
            return False
    return True


def _same_scalar(source: Any, target: Any) -> bool:
    if isinstance(source, bool) or isinstance(target, bool):
        return source is target
    if isinstance(source, float) or isinstance(target, float):
        return _same_number(source, target)
    return type(source) is type(target) and bool(source == target)


def _same_number(source: Any, target: Any) -> bool:
    try:
        return isinstance(source, (int, float)) and isinstance(target, (int, float)) and float(source) == float(target)
    except OverflowError:
        return False
