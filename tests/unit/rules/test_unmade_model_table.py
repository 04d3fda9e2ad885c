"""A table that an installed model uses and that PostgreSQL would not have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate_to_pg.records import Leftovers, Level, ModelNames, Unmade
from tests.unit.rules.examined import check_finds, check_healthy, findings, table

USED = ModelNames(
    label="shop.Customer",
    source="customer",
    target="customer",
    columns=(("id", "id"),),
    is_used=True,
    unmade=Unmade.UNMANAGED,
)
MADE = "CREATE TABLE customer (id integer PRIMARY KEY); INSERT INTO customer VALUES (1), (2);"
PROMISED = table("customer", "id bigint")


@pytest.mark.parametrize(
    ("why", "words", "remedy"),
    [
        (Unmade.UNMANAGED, "managed = False", "RunSQL"),
        (Unmade.UNAPPLIED, "migration shop.0001_initial would make it", "migrate --fake shop 0001_initial"),
        (Unmade.UNWRITTEN, "No migration of its application makes it", "makemigrations shop"),
        (None, "made no table of that name on PostgreSQL", "on PostgreSQL, too"),
    ],
)
def test_it_is_an_error_that_names_table_model_why_and_every_way_out(why: Unmade, words: str, remedy: str) -> None:
    names = [replace(USED, unmade=why, migration="shop 0001_initial" if why is Unmade.UNAPPLIED else "")]
    for leftovers in Leftovers:
        finding = check_finds("unmade-model-table", MADE, names=names, of_models=[PROMISED], leftovers=leftovers)
        assert (finding.level, finding.table, finding.count) == (Level.ERROR, "customer", 2)
        assert (
            "SQLite's table customer, with 2 rows, is that of the installed model shop.Customer" in finding.explanation
        )
        assert words in finding.explanation
        for way in (remedy, "--from-models shop.Customer", "--schema models", "--as-leftovers shop.Customer"):
            assert way in finding.remedy


def test_an_empty_one_stops_as_well_but_no_virtual_one() -> None:
    assert check_finds("unmade-model-table", "CREATE TABLE customer (id integer);", names=[USED]).blocks
    virtual = check_finds("leftover-table", "CREATE VIRTUAL TABLE customer USING fts5(body);", names=[USED])
    assert virtual.level is Level.WARNING


def test_a_view_that_a_model_reads_stops_unless_postgresql_has_it() -> None:
    script = "CREATE VIEW customer AS SELECT 1 AS id;"
    found = findings(script, names=[USED])
    assert ("unmade-model-table", Level.ERROR) in {(finding.rule, finding.level) for finding in found}
    assert "unmade-model-table" not in {f.rule for f in findings(script, names=[USED], views=["customer"])}


def test_one_that_was_chosen_to_be_a_leftover_is_told_as_one_with_its_model() -> None:
    finding = check_finds("leftover-table", MADE, names=[USED], as_leftovers=("customer",))
    assert finding.level is Level.WARNING
    assert "installed model shop.Customer" in finding.explanation
    assert 'ALTER TABLE sqlite_leftovers."customer" SET SCHEMA public;' in finding.remedy


def test_without_a_server_one_that_a_migration_may_make_is_a_warning() -> None:
    finding = check_finds("unmade-model-table", MADE, names=[USED], offline=True, may_be_made=True)
    assert finding.level is Level.WARNING
    assert "--rehearse" in finding.remedy
    assert check_finds("unmade-model-table", MADE, names=[USED], offline=True).blocks


def test_what_no_installed_model_uses_is_a_leftover_like_any_other() -> None:
    assert check_finds("leftover-table", MADE, names=[replace(USED, is_used=False)]).level is Level.WARNING
    check_healthy(MADE, PROMISED, names=[USED])


def test_keys_to_it_find_their_rows() -> None:
    script = MADE + "CREATE TABLE call (id integer PRIMARY KEY, customer_id bigint); INSERT INTO call VALUES (1, 2);"
    call = table("call", "id bigint", "customer_id bigint NULL", refers=[("customer_id", "customer.id")])
    found = {f.rule for f in findings(script, call, names=[USED], of_models=[PROMISED])}
    assert found == {"unmade-model-table"}
    lost = findings(script + "INSERT INTO call VALUES (2, 9);", call, names=[USED], of_models=[PROMISED])
    (orphan,) = [finding for finding in lost if finding.rule == "foreign-key-orphan"]
    assert (orphan.count, "refers to a row of customer (id) that does not exist" in orphan.explanation) == (1, True)
