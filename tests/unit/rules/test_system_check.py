"""Django's own checks of the models on PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from migrate_to_pg.catalog import make_plan, read_source
from migrate_to_pg.examine import examine
from migrate_to_pg.records import Finding, Level, SystemCheck
from tests.unit.rules.examined import table


def found(path: Path, *checks: SystemCheck) -> list[Finding]:
    """What is told of a healthy table."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (id integer NOT NULL PRIMARY KEY)")
    catalog = read_source(path)
    plan = replace(make_plan(catalog, [table("t", "id bigint")], source_time_zone="UTC"), system_checks=checks)
    return list(examine(plan, catalog, path, accepted=frozenset(), progress=lambda _: None))


def test_each_is_an_error_with_its_id_object_message_and_hint(tmp_path: Path) -> None:
    check = SystemCheck(
        id="fields.E221", object="shop.Item.twice", message="It cannot.", hint="Store it.", table="t", column="twice"
    )
    (finding,) = found(tmp_path / "db.sqlite3", check)
    assert (finding.rule, finding.level, finding.table, finding.column) == (
        "system-check", Level.ERROR, "t", "twice",
    )  # fmt: skip
    assert finding.blocks
    assert "fields.E221 fails on PostgreSQL for shop.Item.twice: It cannot." in finding.explanation
    assert "No server was asked" not in finding.explanation
    assert finding.remedy.startswith("Store it. ")
    assert "SILENCED_SYSTEM_CHECKS" in finding.remedy


def test_without_a_server_it_says_which_one_was_assumed(tmp_path: Path) -> None:
    check = SystemCheck(id="app.E001", object="app.T", message="No.", assumed=18)
    (finding,) = found(tmp_path / "db.sqlite3", check)
    assert "No server was asked: PostgreSQL 18 was assumed." in finding.explanation


def test_what_only_an_older_server_lacks_stops_nobody(tmp_path: Path) -> None:
    check = SystemCheck(id="app.E001", object="app.T", message="No.", assumed=18, until=15)
    (finding,) = found(tmp_path / "db.sqlite3", check)
    assert (finding.level, finding.blocks) == (Level.WARNING, False)
    assert "an older server, down to 15" in finding.explanation
