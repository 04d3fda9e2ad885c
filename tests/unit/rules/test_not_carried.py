"""Views and triggers are named, with their SQL."""

from __future__ import annotations

from dataclasses import replace

from migrate_to_pg.records import Leftovers, Level
from tests.unit.rules.examined import findings, table


def test_each_view_and_each_trigger_is_named_with_its_sql() -> None:
    script = """
        CREATE TABLE t (id integer PRIMARY KEY);
        CREATE VIEW v AS SELECT id FROM t;
        CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t WHERE id = 0; END;
    """
    found = findings(script, table("t", "id bigint"))
    assert [(f.rule, f.table, f.level) for f in found] == [
        ("not-carried", "t", Level.WARNING),
        ("not-carried", "v", Level.WARNING),
    ]
    assert "trigger tr" in found[0].explanation
    assert "DELETE FROM t WHERE id = 0" in found[0].explanation
    assert "CREATE VIEW v AS SELECT id FROM t" in found[1].explanation
    assert not any(finding.blocks for finding in found)


def test_what_a_view_gives_is_carried_where_sqlite_can_read_it() -> None:
    script = """
        CREATE TABLE t (id integer PRIMARY KEY);
        CREATE VIEW v AS SELECT id FROM t;
        CREATE VIEW w AS SELECT ours(id) FROM t;
    """
    one, other = findings(script, table("t", "id bigint"))
    assert (
        "The move copies its rows, as they are in the snapshot, to a table of schema sqlite_leftovers"
        in one.explanation
    )
    assert "none of its rows is copied: no such function: ours" in other.explanation
    for choice in (Leftovers.SKIP, Leftovers.STOP):
        assert not any("carries" in f.explanation for f in findings(script, table("t", "id bigint"), leftovers=choice))


def test_a_view_that_migrations_make_is_not_reported_and_may_be_one_without_a_server() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;"
    assert findings(script, table("t", "id bigint"), views=["v"]) == ()
    (may,) = findings(script, table("t", "id bigint"), offline=True)
    assert "A migration may make one of that name there" in may.explanation


def test_a_trigger_that_migrations_make_is_not_reported_and_may_be_one_offline() -> None:
    script = """
        CREATE TABLE t (id integer PRIMARY KEY);
        CREATE TABLE other (id integer PRIMARY KEY);
        CREATE TRIGGER Tr AFTER INSERT ON T BEGIN DELETE FROM t WHERE id = 0; END;
    """
    there, other = table("t", "id bigint"), table("other", "id bigint")
    assert findings(script, replace(there, triggers=("tr",)), other) == ()
    (told,) = findings(script, there, replace(other, triggers=("tr",)))
    assert "A migration may" not in told.explanation
    (may,) = findings(script, there, other, offline=True)
    assert "A migration may make one of that name there" in may.explanation
