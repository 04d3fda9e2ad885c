"""A lossless repair is one after which Django reads what it read before: asked of the ORM, on both databases.

Whatever a column holds, the rows that arrive on PostgreSQL with ``--fix all`` are read there as on SQLite; what
Django could not read is not there.
"""

from __future__ import annotations

import ipaddress
import sqlite3
import string
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps.registry import Apps
from django.db import connections, models
from django.db.utils import ConnectionHandler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from migrate_to_pg.examine import examine
from migrate_to_pg.load import load
from migrate_to_pg.planning import make_plan, read_source, read_target
from migrate_to_pg.row_repair.engine import Accepted, needs_repair, repair_rows
from migrate_to_pg.rules import RULES, accepted_rules, quarantined_rules
from migrate_to_pg.staging import drop_objects
from tests.tiers import first_in_ci

FIELDS: Mapping[str, Callable[[], models.Field[Any, Any]]] = {
    "boolean": lambda: models.BooleanField(null=True),
    "integer": lambda: models.IntegerField(null=True),
    "bigint": lambda: models.BigIntegerField(null=True),
    "text": lambda: models.TextField(null=True),
    "char": lambda: models.CharField(max_length=3, null=True),
    "numeric": lambda: models.DecimalField(max_digits=6, decimal_places=2, null=True),
    "whole": lambda: models.DecimalField(max_digits=25, decimal_places=0, null=True),
    "longest": lambda: models.DecimalField(max_digits=90, decimal_places=3, null=True),
    "float": lambda: models.FloatField(null=True),
    "binary": lambda: models.BinaryField(null=True),
    "date": lambda: models.DateField(null=True),
    "time": lambda: models.TimeField(null=True),
    "datetime": lambda: models.DateTimeField(null=True),
    "duration": lambda: models.DurationField(null=True),
    "uuid": lambda: models.UUIDField(null=True),
    "json": lambda: models.JSONField(null=True),
    "inet": lambda: models.GenericIPAddressField(null=True),
    "key": lambda: models.ForeignKey("readings.parent", models.CASCADE, null=True, db_index=False),
    "uuid_key": lambda: models.ForeignKey("readings.named", models.CASCADE, null=True, db_index=False),
}
SQLITE, POSTGRESQL = "readings_sqlite", "readings_postgresql"
SCHEMA = "readings"
#: Moves for each of the settings, of some thousand values each.
EXAMPLES = 4
UUIDS = ("00112233-4455-6677-8899-aabbccddeeff", "00112233445566778899aabbccddeef0")
#: What other programs write, and what is nearly right.
WORDS = (
    "", "true", "True ", "t", "yes", "on", "false", "f", "no", "off", "0", "1", "1.0", "2", "12", "-1.5", "1e3",
    "2024-02-29", "2024-2-9", "2024-02-29 12:30", "2024-02-29T12:30:00.5+02:00", "2024-10-27 02:30:00",
    "2024-02-29 12:30:00Z", "12:30:00", "12:30:00+02:00", "0000-00-00", "24:00", "P1DT2H", "A1", "null", "[1, 1e400]",
    '{"a": 1, "a": NaN}', '"\\ud800"', '"a\\u0000b"', '{"a": 1e20, "b": -0.0}', "1.2.3.4", "2001:DB8::1", *UUIDS,
    UUIDS[0].upper().replace("-", ""), "\0", "a\0b", "\udcff", "\ud83d",
)  # fmt: skip
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.sampled_from([1.0, 0.0, 3.0, 0.5, -1.0, 1e20, 10**16 + 1, 9007199254740993]),
    st.sampled_from(WORDS),
    st.sampled_from(WORDS).map(lambda word: word.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"1", b"0", b"true", bytes(16), '{"a": 1}'.encode("utf-16"), b'\xef\xbb\xbf{"a": 1}']),
    st.text(max_size=4),
    st.text(string.digits + "-.:+TZ e", max_size=12),
    st.binary(max_size=4),
)


class Sides:
    """The same models on a SQLite file and in a schema of PostgreSQL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.path = folder / "source.sqlite3"
        self.url = url
        #: The rules of the repairs that were made.
        self.repaired: set[str] = set()
        apps = Apps()
        self.parent = _model(apps, "parent", code=models.CharField(max_length=9, unique=True))
        self.named = _model(apps, "named", id=models.UUIDField(primary_key=True))
        self.models = {name: _model(apps, name, value=make()) for name, make in FIELDS.items()}

    def make_tables(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for alias in (SQLITE, POSTGRESQL):
            with connections[alias].schema_editor() as editor:
                for model in (self.parent, self.named, *self.models.values()):
                    editor.create_model(model)
        with psycopg.connect(self.url, autocommit=True) as connection:
            self.targets = read_target(connection, SCHEMA)
            # As in a run, which restores the keys after the load.
            drop_objects(connection, SCHEMA)

    def lose_types(self) -> None:
        """What CREATE TABLE ... AS SELECT makes: no declared types, so that neither SQLite nor Django converts."""
        with closing(sqlite3.connect(self.path)) as database, database:
            for model in self.models.values():
                table = model._meta.db_table
                database.execute(f"DROP TABLE {table}")
                database.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, {_column(model).column})")

    def fill(self, values: Mapping[str, list[Any]]) -> None:
        """Write past every converter and constraint."""
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            database.execute("DELETE FROM readings_parent")
            database.execute("DELETE FROM readings_named")
            database.execute("INSERT INTO readings_parent (id, code) VALUES (1, 'A1'), (2, 'B1'), (12, '3')")
            database.executemany("INSERT INTO readings_named (id) VALUES (?)", [[uuid] for uuid in UUIDS])
            for name, model in self.models.items():
                database.execute(f"DELETE FROM {model._meta.db_table}")
                for row, value in enumerate(values[name], start=1):
                    given, bound = _bound(value)
                    insert = f"INSERT INTO {model._meta.db_table} (id, {_column(model).column}) VALUES (?, {given})"
                    database.execute(insert, [row, bound])

    def read(self, alias: str, name: str, count: int) -> dict[int, Any]:
        """Row -> what the ORM reads; the exception where it reads nothing."""
        model = self.models[name]
        attribute = _column(model).attname
        found: dict[int, Any] = {}
        for row in range(1, count + 1):
            rows: Iterable[tuple[int, Any]] = (
                models.QuerySet(model, using=alias).filter(pk=row).values_list("pk", attribute)
            )
            try:
                found.update(rows)
            except Exception as error:  # noqa: BLE001 - whatever Django raises, the application would see
                found[row] = error
        return found

    def move(self, time_zone: str) -> None:
        """Load with every lossless repair, and quarantine for the rest."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            tables = [model._meta.db_table for model in (self.parent, self.named, *self.models.values())]
            connection.execute(f"TRUNCATE {', '.join(f'{SCHEMA}.{table}' for table in tables)}")
        catalog = read_source(self.path)
        plan = make_plan(catalog, self.targets, source_time_zone=time_zone)
        accepted = Accepted(fix=accepted_rules(["all"]), quarantine=quarantined_rules(["all"]))
        findings = examine(plan, catalog, self.path, accepted=accepted.fix, progress=lambda _: None)
        with tempfile.TemporaryDirectory() as folder:
            loaded = self.path
            if needs_repair(findings, accepted):
                working, journal = Path(folder) / "working", Path(folder) / "journal"
                mended, plan, findings = repair_rows(
                    plan, catalog, self.path, findings, accepted=accepted, working=working, journal=journal,
                    progress=lambda _: None,
                )  # fmt: skip
                loaded = mended.path
                self.repaired |= {changed.rule for changed in mended.changed}
            assert [finding for finding in findings if finding.blocks and finding.rule != "schema-drift"] == []
            load(plan, loaded, self.url, schema=SCHEMA, progress=lambda _: None, jobs=1)


def _model(apps: Apps, name: str, **fields: models.Field[Any, Any]) -> type[models.Model]:
    meta = type("Meta", (), {"app_label": "readings", "apps": apps})
    fields.setdefault("id", models.BigAutoField(primary_key=True))
    return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


def _column(model: type[models.Model]) -> Any:
    return model._meta.get_field("value")


def _bound(value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return "CAST(? AS TEXT)", value.encode("utf-8", "surrogateescape" if value == "\udcff" else "surrogatepass")
    return "?", value


@contextmanager
def opened(sides: Sides) -> Iterator[None]:
    """Both databases as the application would be connected to them."""
    options = {"options": f"-c search_path={SCHEMA}"}
    parts = psycopg.conninfo.conninfo_to_dict(sides.url)
    target = {"NAME": parts["dbname"], "USER": parts["user"], "HOST": parts["host"], "PORT": parts.get("port", "")}
    entries = {
        SQLITE: {"ENGINE": "django.db.backends.sqlite3", "NAME": sides.path},
        POSTGRESQL: {"ENGINE": "django.db.backends.postgresql", **target, "OPTIONS": options},
    }
    with ExitStack() as stack:
        for alias, entry in entries.items():
            connection = connections[alias] = ConnectionHandler({"default": {}, alias: entry})[alias]
            stack.callback(connections.__delitem__, alias)
            stack.callback(connection.close)
        yield


def alike(name: str, before: Any, after: Any) -> bool:
    """This test's own opinion; jsonb keeps the value of a number alone, and PostgreSQL spells addresses its own way."""
    if name == "json":
        return bool(_canonical(before) == _canonical(after))
    if name == "inet" and before is not None and after is not None:
        return ipaddress.ip_address(before) == ipaddress.ip_address(after)
    if name == "float" and type(before) is int:
        # Without a declared type SQLite keeps whole numbers as integers.
        return bool(type(after) is float and before == after)
    if isinstance(before, (bytes, memoryview)) and isinstance(after, (bytes, memoryview)):
        return bytes(before) == bytes(after)
    return type(before) is type(after) and bool(before == after)


def _canonical(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _canonical(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_canonical(value) for value in document]
    if isinstance(document, (int, float)) and not isinstance(document, bool):
        return "number", Decimal(repr(document))
    return type(document), document


@pytest.fixture
def sides(tmp_path: Path, postgres_url: str, unblocked: None) -> Iterator[Sides]:
    both = Sides(tmp_path, postgres_url)
    with opened(both):
        both.make_tables()
        yield both


@pytest.mark.parametrize(
    ("use_tz", "types"),
    first_in_ci((True, True), (False, True), (True, False)),
    ids=["aware", "naive", "without types"],
)
def test_what_arrives_by_lossless_repairs_is_read_as_before(
    sides: Sides, use_tz: bool, types: bool, settings: Settings
) -> None:
    settings.USE_TZ = use_tz
    settings.TIME_ZONE = "Europe/Stockholm"
    if not types:
        sides.lose_types()
    check_read_alike(sides, "UTC" if use_tz else "Europe/Stockholm")
    # Without its type a date is not decoded by Django, so that the bytes of one are no date.
    assert sides.repaired == {"boolean-as-read", "text-as-blob"}


def check_read_alike(sides: Sides, time_zone: str) -> None:
    # A failing example is told as it is: to shrink it would be a move for each step.
    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        derandomize=True, database=None,
    )  # fmt: skip
    @given(st.fixed_dictionaries({name: st.lists(VALUES, min_size=10, max_size=40) for name in FIELDS}))
    def check(values: dict[str, list[Any]]) -> None:
        sides.fill(values)
        before = {name: sides.read(SQLITE, name, len(values[name])) for name in FIELDS}
        connections[SQLITE].close()
        sides.move(time_zone)
        wrong = [
            f"{name}: SQLite holds {values[name][row - 1]!r}, Django reads {before[name][row]!r} there, {after!r} here"
            for name in FIELDS
            for row, after in sides.read(POSTGRESQL, name, len(values[name])).items()
            if not alike(name, before[name][row], after)
        ]
        assert not wrong, "\n".join(wrong)

    check()


def test_every_lossless_repair_is_among_those_that_are_tried() -> None:
    assert {rule.id for rule in RULES if rule.repair == "lossless"} == {
        "dangling-foreign-key", "boolean-as-read", "text-as-blob",
    }  # fmt: skip
