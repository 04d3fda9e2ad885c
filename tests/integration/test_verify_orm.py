"""--verify orm: what Django reads on PostgreSQL is what it reads on SQLite, value by value, key by key."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.models.signals import post_init, pre_init

from migrate_to_pg.pipeline.verify import verify_published
from migrate_to_pg.records import INCOMING, Leftovers, Options, Verify
from migrate_to_pg.verify.orm_equality import same, same_address, same_json
from tests.conftest import Query
from tests.integration.conftest import Move


def test_every_row_of_every_model_is_read_on_both_sides_and_every_key_followed(
    source: Path, each_postgres_url: str, move: Move, tmp_path: Path
) -> None:
    report = move(source, each_postgres_url, verify=Verify.ORM)
    assert report.ok, report.failure
    assert report.verification is not None
    read = {table.name: table for table in report.verification.orm}
    assert {"attributions_attribution", "auth_user_groups", "django_migrations"} - read.keys() == {"django_migrations"}
    attributions = read["attributions_attribution"]
    assert attributions.rows > 100
    assert attributions.values == attributions.rows * 16
    assert attributions.keys_followed >= 2 * attributions.rows
    told = json.loads((tmp_path / "reports" / "0" / "report.json").read_text())
    assert (told["verify"], len(told["orm"])) == ("orm", len(read))


@pytest.mark.full
@pytest.mark.parametrize("damage", ["duplicates,too-long,code-in-fk,orphans"])
def test_what_was_mended_is_read_as_it_was_mended(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move, damage: str
) -> None:
    accepted = {
        "fix": ("all", "code-in-key", "merge-duplicates", "text-too-long"),
        "quarantine": ("all", "foreign-key-orphan"),
        "leftovers": Leftovers.SKIP,
    }
    report = move(make_damaged(damage), postgres_url, verify=Verify.ORM, **accepted)
    assert report.ok, report.failure
    assert report.verification is not None
    assert sum(table.values for table in report.verification.orm) > 1000


def test_no_model_is_instantiated_and_no_signal_sent(source: Path, postgres_url: str, move: Move) -> None:
    made: list[str] = []

    def note(sender: Any, **_: Any) -> None:
        # The migrations' own recorder makes rows of django_migrations.
        if sender._meta.label != "migrations.Migration":
            made.append(sender._meta.label)

    def listen() -> None:
        pre_init.connect(note)
        post_init.connect(note)

    try:
        assert move(source, postgres_url, verify=Verify.ORM, mode="rehearse", on={"prove": listen}).ok
    finally:
        pre_init.disconnect(note)
        post_init.disconnect(note)
    assert made == []


def test_a_value_that_the_verification_of_cells_could_not_see_is_told(
    source: Path, postgres_url: str, move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the verification of the cells blind, the ORM's would still see it."""
    monkeypatch.setattr("migrate_to_pg.verify.compare.rows_to_check", lambda *_: [])

    def change() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"SET search_path = {INCOMING}")
            connection.execute("UPDATE courses_course SET title = title || ' ' WHERE id = 7")

    report = move(source, postgres_url, verify=Verify.ORM, on={"prove": change})
    assert report.failure is not None
    assert report.failure.exit_status == 3
    assert report.verification is not None
    (difference,) = [sample for table in report.verification.tables for sample in table.samples]
    assert (difference.table, difference.column, difference.key) == ("courses_course", "title", {"id": "7"})


def test_verify_only_asks_the_orm_too(
    source: Path, postgres_url: str, move: Move, tmp_path: Path, execute: Query, unblocked: None
) -> None:
    published = move(source, postgres_url)
    assert published.source
    snapshot = published.source.snapshot
    options = Options(
        source=snapshot, target=postgres_url, mode="verify_only", verify=Verify.ORM, report=tmp_path / "later"
    )
    report = verify_published(options)
    assert report.ok, report.failure
    assert report.verification is not None
    assert sum(table.keys_followed for table in report.verification.orm) > 100


NOON = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("source", "target", "equal"),
    [
        (1, 1, True),
        (1, True, False),
        ("a", "a ", False),
        ("é", "e\u0301", False),
        (None, "", False),
        (decimal.Decimal("1.50"), decimal.Decimal("1.50"), True),
        (decimal.Decimal("1.50"), decimal.Decimal("1.5"), False),
        (0.0, -0.0, False),
        (float("nan"), float("nan"), True),
        (1, 1.0, False),
        (0.1, 0.1 + 2**-56, False),
        (b"a", memoryview(b"a"), True),
        (b"a", memoryview(b"b"), False),
        (NOON, NOON + datetime.timedelta(microseconds=1), False),
        (NOON, NOON.astimezone(datetime.timezone(datetime.timedelta(hours=1))), True),
        (NOON, NOON.replace(tzinfo=None), False),
        (uuid.UUID(int=1), str(uuid.UUID(int=1)), False),
        (datetime.timedelta(days=1), datetime.timedelta(hours=24), True),
    ],
)
def test_what_the_application_would_see_as_another_value_is_one(source: object, target: object, equal: bool) -> None:
    assert same(source, target) is equal


@pytest.mark.parametrize(
    ("source", "target", "equal"),
    [
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        (100.0, 100, True),
        (-0.0, 0.0, True),
        (1e308, 10**308, True),
        (1.5, 1, False),
        (1e308, 10**400, False),
        ("1", 1, False),
        (None, False, False),
        (10**20, 10**20 + 1, False),
    ],
)
def test_documents_are_compared_as_documents(source: object, target: object, equal: bool) -> None:
    assert same_json(source, target) is equal


@pytest.mark.parametrize(
    ("source", "target", "equal"),
    [
        ("2001:DB8:0::1", "2001:db8::1", True),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", None, False),
        (None, None, True),
        ("no address", "no address", True),
        ("::ffff:10.0.0.1", "10.0.0.1", False),
    ],
)
def test_addresses_are_the_same_however_they_are_spelled(source: object, target: object, equal: bool) -> None:
    assert same_address(source, target) is equal
