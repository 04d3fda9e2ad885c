"""Views and triggers are named, with their SQL."""

from __future__ import annotations

from migrate_to_pg.records import Level
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
