"""Compare what Django's ORM reads from the loaded file with what it reads from the staged schema.

This is the last word on equality: the application will read on PostgreSQL what it reads on SQLite. The ORM reads the
columns of plain QuerySets of historical models, by values_list: no model of the project is instantiated, no manager of
its own asked, no signal sent. Only its fields' own converters run. The ORM follows every foreign key on both sides.
"""

from __future__ import annotations

import contextlib
import datetime
import sys
import zoneinfo
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import django.db
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models
from django.db.models import Exists, OuterRef
from django.db.utils import ConnectionHandler

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.shared_snapshot import join_snapshot
from migrate_to_pg.project.identifiers import called
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.secret_columns import MASK, has_secret, masked
from migrate_to_pg.records import (
    Difference,
    ModelNames,
    OrmTable,
    Plan,
    PlannedTable,
    SourceCatalog,
    UnreadModel,
    folded,
)
from migrate_to_pg.sqlite.connection import snapshot_uri
from migrate_to_pg.sqlite.missing_functions import register_project_functions, register_substitutes
from migrate_to_pg.verify.differences import SAMPLES, difference
from migrate_to_pg.verify.orm_equality import equality

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


class Sides(NamedTuple):
    """One model with the names of its table and columns in each of the two databases."""

    source: type[models.Model]
    target: type[models.Model]


def compare_with_orm(
    registry: Registry,
    catalog: SourceCatalog,
    plan: Plan,
    loaded: Path,
    entry: Mapping[str, Any],
    *,
    shared: str,
    incomplete: Collection[str],
) -> tuple[tuple[OrmTable, ...], tuple[UnreadModel, ...]]:
    """Compare each model's table as the ORM reads it on both sides. Return the models that it did not read, too.

    Args:
        registry: the historical models of both sides.
        catalog: the tables of the source.
        plan: the planned tables.
        loaded: the SQLite file that was loaded, repairs and all.
        entry: the target as an entry of DATABASES, whose connections see the staged schema.
        shared: an exported snapshot of the target, where the state to be read is that of another transaction.
        incomplete: tables of which some rows are on one side alone, in quarantine. They are not read.

    A difference is reported, never raised. Raises VerificationError if Django itself cannot read a table.
    """
    elsewhere = _("The project's routers keep its table out of this database.")
    unread = [
        UnreadModel(model=model._meta.label, table=called(model._meta.db_table, registry.postgresql), reason=elsewhere)
        for model in registry.others()
    ]
    made = {table.name for table in (*plan.tables, *plan.excluded)}
    made |= {table.name for table in plan.only_target}
    zone = zoneinfo.ZoneInfo(plan.source_time_zone) if plan.local_times else None
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": snapshot_uri(loaded)}
    if settings.USE_TZ:
        file["TIME_ZONE"] = plan.source_time_zone
    with (
        _without_limits(),
        _connected(SOURCE, file),
        _connected(TARGET, entry, shared),
    ):
        pairs = list(_complete(_pairs(registry, catalog, plan, unread), incomplete, unread))
        read = tuple(_ModelComparison(sides, table, zone, registry, made).run() for sides, table in pairs)
    return read, tuple(sorted(unread, key=lambda one: one.model))


def _pairs(
    registry: Registry, catalog: SourceCatalog, plan: Plan, unread: list[UnreadModel]
) -> Iterator[tuple[Sides, PlannedTable]]:
    """Yield one model for each planned table, those that migrations make first. Note all others as not read."""
    taken: dict[str, str] = {}
    for names in sorted(registry.names, key=lambda names: names.unmade is not None):
        table = plan.table(names.target)
        if table is None or folded(table.source.name) != folded(names.source):
            unread += _not_read(names, catalog, plan)
        elif table.name in taken:
            reason = _("The model {model} has the same table, and was read.", model=taken[table.name])
            unread.append(UnreadModel(model=names.label, table=names.target, reason=reason))
        else:
            taken[table.name] = names.label
            app, _dot, name = names.label.partition(".")
            yield Sides(registry.source.get_model(app, name), registry.target.get_model(app, name)), table


def _complete(
    pairs: Iterable[tuple[Sides, PlannedTable]], incomplete: Collection[str], unread: list[UnreadModel]
) -> Iterator[tuple[Sides, PlannedTable]]:
    """Yield the pairs with the same rows on both sides. Note the others as not read."""
    for sides, table in pairs:
        if table.name in incomplete:
            reason = _("Rows of it are in quarantine.")
            unread.append(UnreadModel(model=sides.target._meta.label, table=table.name, reason=reason))
        else:
            yield sides, table


def _not_read(names: ModelNames, catalog: SourceCatalog, plan: Plan) -> Iterator[UnreadModel]:
    """Yield the reason why a model has no planned table, and nothing for a model without a table on either side."""
    excluded = any(table.name == names.target for table in plan.excluded)
    only_there = any(table.name == names.target for table in plan.only_target)
    as_leftover = any(folded(name) == folded(names.source) for name in plan.as_leftovers)
    in_source = catalog.table(names.source)
    view = any(folded(view) == folded(names.source) for view in catalog.views)
    if excluded:
        reason = _("Its rows were left out (--exclude-data).")
    elif as_leftover:
        reason = _("Its table was carried as a leftover (--as-leftovers).")
    elif view:
        reason = _("It reads a view, whose rows are those of other tables.")
    elif in_source is None:
        reason = _("SQLite has no such table.") if only_there else ""
    elif not names.is_used:
        reason = _("No installed application uses it on PostgreSQL.")
    else:
        reason = _("SQLite has its table {table}, and PostgreSQL has not.", table=names.source)
        yield UnreadModel(model=names.label, table=names.target, reason=reason, accepted=False)
        return
    if reason:
        yield UnreadModel(model=names.label, table=names.target, reason=reason)


@contextlib.contextmanager
def _without_limits() -> Iterator[None]:
    """Allow documents as deep as SQLite takes, and integers as long as jsonb's: Python limits json.loads.

    The application's own json.loads ends at these limits on both databases alike.
    """
    limit, digits = sys.getrecursionlimit(), sys.get_int_max_str_digits()
    sys.setrecursionlimit(limit + DEEPEST)
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        sys.set_int_max_str_digits(digits)


@contextlib.contextmanager
def _connected(alias: str, entry: Mapping[str, Any], shared: str = "") -> Iterator[None]:
    """Make a database connection available under an alias, in this thread, for as long as this lasts.

    With ``shared`` it sees the state of that exported snapshot.
    """
    connection = ConnectionHandler({"default": {}, alias: dict(entry)})[alias]
    connections[alias] = connection
    try:
        if connection.vendor == "sqlite":
            # What a receiver of the project's cannot do with a file that is read only is not needed to read it.
            with contextlib.suppress(Exception):
                connection.ensure_connection()
            if connection.connection is not None:
                register_project_functions(connection.connection)
                register_substitutes(connection.connection)
        if shared:
            # One transaction, which is rolled back when the connection is closed.
            connection.set_autocommit(False)
            with connection.cursor() as cursor:
                join_snapshot(cursor, shared)
        yield
    finally:
        connection.close()
        del connections[alias]


class _ModelComparison:
    """Compare one model on both sides. ``there`` are the tables that PostgreSQL has."""

    def __init__(
        self,
        sides: Sides,
        table: PlannedTable,
        zone: zoneinfo.ZoneInfo | None,
        registry: Registry,
        there: Collection[str],
    ) -> None:
        self.models = {SOURCE: sides.source, TARGET: sides.target}
        self.table = table
        #: Of the local times that PostgreSQL gives; None where both sides give moments with a zone.
        self.zone = zone
        self.registry = registry
        self.there = there
        # What PostgreSQL computes itself is verified by its own expression.
        columns = {column.name for column in table.columns if not column.target.generated}
        fields = sides.target._meta.local_concrete_fields
        known = {field.name for field in sides.source._meta.local_concrete_fields}
        self.fields: list[Any] = [
            f for f in fields if f.name in known and called(str(f.column), registry.postgresql) in columns
        ]
        # By their attribute names a foreign key is the value that it holds.
        self.names = ["pk", *(field.attname for field in self.fields)]
        self.differences = 0
        self.samples: list[Difference] = []

    def run(self) -> OrmTable:
        try:
            rows = self._compare()
            followed = self._check_foreign_keys()
        except UNREADABLE as error:
            # Django's message may quote a value of any column, so a table with secrets gives only its type.
            secret = has_secret(self.table.name, (column.name for column in self.table.columns))
            raise VerificationError(
                _(
                    "Django's ORM cannot read table {table}: {error}",
                    table=self.table.name,
                    error=type(error).__name__ if secret else error,
                ),
                remedy=_("--verify cells compares it without the ORM."),
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
        return models.QuerySet(self.models[alias], using=alias)

    def _compare(self) -> int:
        rows = 0
        for chunk in self._chunks():
            rows += len(chunk)
            # The key of an unmanaged model may be none in the table: several rows have it.
            found: dict[Any, list[Row]] = {}
            keys = [row[0] for row in chunk]
            for row in self._queryset(TARGET).filter(pk__in=keys).values_list(*self.names):
                found.setdefault(_hashable(row[0]), []).append(row)
            for row in chunk:
                # The row that is equal, or else the first of those that have its key.
                others = found.get(_hashable(row[0]), [])
                match = next((place for place, other in enumerate(others) if not any(self._unequal(row, other))), 0)
                self._report_row(row, others.pop(match) if others else None)
        extra = self._queryset(TARGET).count() - rows
        if extra > 0:
            self._add("extra", {}, "", None, _("{rows} more than in SQLite", rows=pluralize(extra, "row", "rows")))
        return rows

    def _unequal(self, row: Row, found: Row) -> Iterator[tuple[Any, Any, Any]]:
        """Yield the fields in which two rows differ, with the value of each side."""
        for field, source, target in zip(self.fields, row[1:], found[1:], strict=True):
            exact = self.table.target.column(called(str(field.column), self.registry.postgresql)).exact
            if not equality(field, exact=exact)(source, target):
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

    def _report_row(self, row: Row, found: Row | None) -> None:
        key = {", ".join(self.table.target.primary_key): str(row[0])}
        if has_secret(self.table.name, self.table.target.primary_key):
            key = dict.fromkeys(key, MASK)
        if found is None:
            cells = zip(self.fields, row[1:], strict=True)
            values = (f"{f.attname}={masked(self.table.name, str(f.column), repr(v))}" for f, v in cells)
            self._add("missing", key, "", ", ".join(values), None)
            return
        for field, source, target in self._unequal(row, found):
            self._add("changed", key, str(field.column), repr(source), repr(target))

    def _add(self, kind: str, key: Mapping[str, str], column: str, source: str | None, target: str | None) -> None:
        self.differences += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(difference(self.table.name, kind, key, column, source, target))

    def _check_foreign_keys(self) -> int:
        """Check that every key finds its row on both sides. Return how many did."""
        total = 0
        for field in self.fields:
            if (
                field.remote_field is None
                or called(field.remote_field.model._meta.db_table, self.registry.postgresql) not in self.there
            ):
                continue
            found = [self._count_resolved(alias, field.name) for alias in (SOURCE, TARGET)]
            if found[0] < found[1]:
                found[0] = self._count_resolved_by_value(field.name)
            if found[0] != found[1]:
                texts = [_("{keys} with a row", keys=pluralize(count, "key", "keys")) for count in found]
                self._add("changed", {}, str(field.column), *texts)
            total += found[1]
        return total

    def _count_resolved(self, alias: str, name: str) -> int:
        field: Any = self.models[alias]._meta.get_field(name)
        parent: Any = models.QuerySet(field.remote_field.model, using=alias)
        target = field.target_field.attname
        keyed = self._queryset(alias).filter(**{f"{field.attname}__isnull": False})
        return int(keyed.filter(Exists(parent.filter(**{target: OuterRef(field.attname)}))).count())

    def _count_resolved_by_value(self, name: str) -> int:
        """Count the keys that have a row in SQLite as Django reads both. Its joins miss another form of a uuid."""
        field: Any = self.models[SOURCE]._meta.get_field(name)
        parents: Any = models.QuerySet(field.remote_field.model, using=SOURCE)
        known = set(map(_hashable, parents.values_list(field.target_field.attname, flat=True).iterator()))
        keys = self._queryset(SOURCE).filter(**{f"{field.attname}__isnull": False})
        return sum(_hashable(key) in known for key in keys.values_list(field.attname, flat=True).iterator())


def _local(value: Any, zone: zoneinfo.ZoneInfo | None) -> Any:
    """Return the local time of a datetime with an offset, which PostgreSQL gives without USE_TZ."""
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        return value
    try:
        return value.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return value


def _hashable(key: Any) -> Any:
    return bytes(key) if isinstance(key, memoryview) else key
