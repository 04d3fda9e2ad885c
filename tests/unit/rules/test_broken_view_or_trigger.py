"""Views and triggers that name something missing."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level
from tests.unit.rules.examined import check_finds, findings, table

TARGET = table("t", "id bigint", "v text NULL")
SOURCE = "CREATE TABLE t (id integer PRIMARY KEY, v text);"


def test_a_view_of_a_table_that_is_gone() -> None:
    finding = check_finds("broken-view-or-trigger", SOURCE + "CREATE VIEW names AS SELECT v FROM gone;", TARGET)
    assert (finding.table, finding.level) == ("names", Level.WARNING)
    assert "no such table: main.gone" in finding.explanation
    assert 'DROP VIEW "names";' in finding.remedy


def test_a_view_of_a_column_that_is_gone() -> None:
    finding = check_finds("broken-view-or-trigger", SOURCE + "CREATE VIEW names AS SELECT w FROM t;", TARGET)
    assert "no such column: w" in finding.explanation


@pytest.mark.parametrize("event", ["INSERT", "DELETE", "UPDATE", "UPDATE OF v"])
def test_a_trigger_that_writes_to_a_table_that_is_gone(event: str) -> None:
    trigger = f"CREATE TRIGGER tr AFTER {event} ON t BEGIN DELETE FROM gone; END;"
    finding = check_finds("broken-view-or-trigger", SOURCE + trigger, TARGET)
    assert finding.table == "t"
    assert "no such table: main.gone" in finding.explanation
    assert 'DROP TRIGGER "tr";' in finding.remedy


def test_a_trigger_on_another_event_is_not_blamed() -> None:
    triggers = """
        CREATE TRIGGER bad AFTER DELETE ON t BEGIN DELETE FROM gone; END;
        CREATE TRIGGER good AFTER INSERT ON t BEGIN UPDATE t SET v = lower(v); END;
    """
    found = findings(SOURCE + triggers, TARGET)
    assert [f.rule for f in found] == ["broken-view-or-trigger", "not-carried"]


def test_functions_that_only_django_defines_are_no_fault() -> None:
    found = findings(SOURCE + "CREATE VIEW names AS SELECT django_thing(v) FROM t;", TARGET)
    assert [f.rule for f in found] == ["not-carried"]
