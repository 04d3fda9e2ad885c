"""The tables that the models promise are those that PostgreSQL has once the models are made there."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex, HashIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower, Trim, Upper
from django.db.utils import ConnectionHandler
from django.test.utils import isolate_apps
from pytest_django import DjangoDbBlocker

from migrate_to_pg.planning import read_target, with_sqlite_sql
from migrate_to_pg.planning.expected_schema import tables_of
from migrate_to_pg.records import TargetCheck, TargetForeignKey, TargetIndex, TargetTable, TargetUnique


def zoo() -> list[type[models.Model]]:
    """One model of every kind of field, key, constraint and index."""

    class Parent(models.Model):  # noqa: DJ008 - never shown
        code = models.CharField(max_length=20, unique=True)
        slug = models.SlugField()
        parent = models.ForeignKey("self", models.CASCADE, null=True)

        class Meta:
            app_label = "zoo"

    class Child(Parent):  # noqa: DJ008 - never shown
        others = models.ManyToManyField(Parent, related_name="+")
        by_code = models.ForeignKey(Parent, models.CASCADE, to_field="code", related_name="+", db_column="code_of")
        free = models.ForeignKey(Parent, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
        one = models.OneToOneField(Parent, models.CASCADE, related_name="+", null=True)

        class Meta:
            app_label = "zoo"

    class Fields(models.Model):  # noqa: DJ008 - never shown
        id = models.UUIDField(primary_key=True)
        big = models.BigIntegerField(db_index=True)
        small = models.SmallIntegerField(null=True)
        positive = models.PositiveIntegerField()
        positive_big = models.PositiveBigIntegerField(null=True)
        truth = models.BooleanField(default=True)
        text = models.TextField(db_index=True)
        char = models.CharField(max_length=10, db_index=True, null=True)  # noqa: DJ001 - such projects exist
        unlimited = models.CharField(null=True)  # noqa: DJ001 - such projects exist
        email = models.EmailField(unique=True)
        amount = models.DecimalField(max_digits=6, decimal_places=2)
        real = models.FloatField(null=True)
        day = models.DateField(db_index=True)
        clock = models.TimeField(null=True)
        instant = models.DateTimeField(null=True)
        span = models.DurationField(null=True)
        document = models.JSONField(null=True)
        raw = models.BinaryField(null=True)
        address = models.GenericIPAddressField(null=True)
        array = ArrayField(models.IntegerField(), null=True)
        given = models.IntegerField(db_default=5)
        twice = models.GeneratedField(expression=F("positive") * 2, output_field=models.IntegerField(), db_persist=True)

        class Meta:
            app_label = "zoo"
            unique_together = [("big", "small")]
            indexes = [
                models.Index(fields=["small", "-positive"], name="both"),
                models.Index(fields=["clock"], name="some", condition=Q(truth=True)),
                models.Index(fields=["real"], name="more", include=["amount"]),
                models.Index(Lower("text"), "day", name="expressed"),
                models.Index(fields=["char"], name="patterned", opclasses=["varchar_pattern_ops"]),
                GinIndex(fields=["document"], name="gin"),
                BrinIndex(fields=["instant"], name="brin"),
                HashIndex(fields=["unlimited"], name="hash"),
            ]
            constraints = [
                models.UniqueConstraint(fields=["char", "day"], name="u_plain"),
                models.UniqueConstraint(fields=["char"], name="u_some", condition=Q(truth=True)),
                models.UniqueConstraint(fields=["day"], name="u_null", condition=Q(clock__isnull=True)),
                models.UniqueConstraint(fields=["clock"], name="u_include", include=["real"]),
                models.UniqueConstraint(Lower("char"), name="u_lower"),
                models.UniqueConstraint(Upper(Trim("text")).desc(), "day", name="u_upper", condition=Q(truth=False)),
                models.UniqueConstraint(
                    Coalesce("small", 0), Coalesce("char", models.Value("it's")), name="u_coalesce"
                ),
                models.CheckConstraint(condition=Q(small__gte=1) | Q(small__isnull=True), name="c_or"),
                models.CheckConstraint(condition=Q(char__in=["a", "b"]), name="c_in"),
                models.CheckConstraint(condition=Q(day__gt="2000-01-01"), name="c_day"),
            ]

    class Pair(models.Model):  # noqa: DJ008 - never shown
        pk = models.CompositePrimaryKey("left", "right")
        left = models.IntegerField()
        right = models.CharField(max_length=9)

        class Meta:
            app_label = "zoo"

    return [Parent, Child, Child.others.through, Fields, Pair]


@pytest.fixture
def promised_and_staged(postgres_url: str, django_db_blocker: DjangoDbBlocker) -> list[tuple[TargetTable, TargetTable]]:
    """(as the models promise, as PostgreSQL has it) for each table."""
    info = psycopg.conninfo.conninfo_to_dict(postgres_url)
    entry = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": info["dbname"],
        "USER": info["user"],
        "HOST": info["host"],
        "PORT": info.get("port", ""),
    }
    connection = ConnectionHandler({"default": entry})["default"]
    with isolate_apps("tests"), django_db_blocker.unblock():
        stored = zoo()
        with closing(connection), connection.schema_editor() as editor:
            for model in stored:
                if not model._meta.auto_created:
                    editor.create_model(model)
        promised = tables_of(stored)
    with psycopg.connect(postgres_url) as psycopg_connection:
        read = read_target(psycopg_connection, "public")
        staged = {t.name: t for t in with_sqlite_sql(psycopg_connection, "public", read, promised)}
    assert set(staged) == {table.name for table in promised}
    return [(table, staged[table.name]) for table in promised]


def test_columns(promised_and_staged: list[tuple[TargetTable, TargetTable]]) -> None:
    def of(table: TargetTable) -> dict[str, tuple[object, ...]]:
        return {
            c.name: (c.type_name, c.not_null, c.max_length, c.precision, c.scale, c.generated, c.has_default)
            for c in table.columns
        }

    for promised, staged in promised_and_staged:
        assert of(promised) == of(staged)
        assert promised.primary_key == staged.primary_key


def test_keys(promised_and_staged: list[tuple[TargetTable, TargetTable]]) -> None:
    def of(table: TargetTable) -> set[tuple[object, ...]]:
        return {(key.columns, key.parent, key.parent_columns) for key in table.foreign_keys}

    for promised, staged in promised_and_staged:
        assert of(promised) == of(staged)


def test_unique_constraints(promised_and_staged: list[tuple[TargetTable, TargetTable]]) -> None:
    def of(table: TargetTable) -> set[tuple[object, ...]]:
        return {
            (unique.columns, len(unique.expressions), unique.nulls_not_distinct, unique.sqlite, unique.primary)
            for unique in table.uniques
        }

    for promised, staged in promised_and_staged:
        assert of(promised) == of(staged)
    (_, fields) = next(pair for pair in promised_and_staged if pair[0].name == "zoo_fields")
    assert sum(unique.sqlite is not None and unique.sqlite.certain for unique in fields.uniques) == 5
    assert len([text for unique in fields.uniques for text in unique.expressions]) == 5


def test_indexes(promised_and_staged: list[tuple[TargetTable, TargetTable]]) -> None:
    def of(table: TargetTable) -> list[tuple[object, ...]]:
        return sorted(
            (i.columns, i.method, bool(i.predicate), str(i.predicate and i.sqlite), i.included, i.for_like)
            for i in table.indexes
        )

    for promised, staged in promised_and_staged:
        assert of(promised) == of(staged)


def test_checks(promised_and_staged: list[tuple[TargetTable, TargetTable]]) -> None:
    """Those of fields as well, whatever name PostgreSQL gave them."""
    for promised, staged in promised_and_staged:
        assert {c.sqlite for c in promised.checks} == {c.sqlite for c in staged.checks}
        assert None not in {c.sqlite for c in staged.checks}
        assert len(promised.checks) == len(staged.checks)


@isolate_apps("tests")
def test_what_a_statement_put_in_the_place_of_a_models_constraint_is_not_the_models(postgres_url: str) -> None:
    class Thing(models.Model):  # noqa: DJ008 - never shown
        n = models.IntegerField()
        name = models.CharField(max_length=9)

        class Meta:
            app_label = "zoo"
            constraints = [
                models.CheckConstraint(condition=Q(n__gte=1), name="as_it_is"),
                models.CheckConstraint(condition=Q(n__gte=2), name="another"),
                models.UniqueConstraint(Lower("name"), name="lowered"),
                models.UniqueConstraint(fields=["n"], condition=Q(name="x"), name="some"),
            ]

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE zoo_thing (id bigint PRIMARY KEY, n integer, name varchar(9),"
            " CONSTRAINT as_it_is CHECK (n >= 1), CONSTRAINT another CHECK (n >= 3));"
            " CREATE UNIQUE INDEX lowered ON zoo_thing (upper(name));"
            " CREATE UNIQUE INDEX other_name ON zoo_thing (n) WHERE name = 'x'"
        )
        staged = read_target(connection, "public")
        (table,) = with_sqlite_sql(connection, "public", staged, tables_of([Thing]))
        parts: list[TargetCheck | TargetUnique] = [*table.checks, *table.uniques]
        assert {part.name: part.sqlite is not None for part in parts} == {
            "another": False,
            "as_it_is": True,
            "lowered": False,
            "other_name": True,
            "zoo_thing_pkey": False,
        }
        # Nothing of what was tried is left.
        assert read_target(connection, "public") == staged


def test_a_name_that_is_told_is_the_one_that_postgresql_gives(
    promised_and_staged: list[tuple[TargetTable, TargetTable]],
) -> None:
    def names(table: TargetTable, *, named: bool) -> set[str]:
        parts: list[TargetUnique | TargetForeignKey | TargetCheck | TargetIndex]
        parts = [*table.uniques, *table.foreign_keys, *table.checks, *table.indexes]
        return {part.name for part in parts if part.named is named}

    for promised, staged in promised_and_staged:
        assert names(promised, named=True) <= names(staged, named=True)
        assert not names(staged, named=False)
    assert any(names(promised, named=True) for promised, _ in promised_and_staged)
    assert any(names(promised, named=False) for promised, _ in promised_and_staged)
