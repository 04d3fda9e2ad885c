"""Text stored as a BLOB where Django reads it."""

from __future__ import annotations

from functools import partial

import pytest

from tests.unit.rules.examined import check_finds, findings, table, values
from tests.unit.rules.mended import filled, mended


@pytest.mark.parametrize(
    ("declared", "type_sql", "value"),
    [
        ("text", "jsonb", b'{"a": "\xc3\xa9"}'),
        ("", "json", b"[1]"),
        ("date", "date", b"2024-02-29"),
        ("time", "time", b"12:30:00"),
        ("datetime", "timestamp with time zone", b"2024-02-29 12:30:00"),
        ("timestamp", "timestamp", b"2024-02-29 12:30:00"),
    ],
)
def test_the_characters_become_text(declared: str, type_sql: str, value: bytes) -> None:
    done = mended(partial(filled, declared, value), table("t", "id bigint", f"v {type_sql}"), fix=["text-as-blob"])
    assert done.rows["t"] == [(1, value.decode())]
    assert done.applied == [("text-as-blob", "t", "v")]


@pytest.mark.parametrize(
    ("declared", "type_sql", "value"),
    [
        ("text", "date", b"2024-02-29"),
        ("datetime", "date", b"2024-02-29"),
        ("text", "text", b"a"),
        ("char(32)", "uuid", b"00112233445566778899aabbccddeeff"),
        ("text", "jsonb", b"\xff"),
        ("text", "jsonb", b"1\0"),
    ],
)
def test_where_django_reads_bytes_or_nothing_it_is_another_type_of_value(
    declared: str, type_sql: str, value: bytes
) -> None:
    found = findings(partial(filled, declared, value), table("t", "id bigint", f"v {type_sql}"))
    assert [f.rule for f in found] == ["wrong-storage-class"]


def test_it_is_told() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t VALUES (1, x'5b5d'), (2, '[]');"
    finding = check_finds("text-as-blob", script, table("t", "id bigint", "v jsonb"))
    assert (finding.repair, values(finding)) == ("lossless", ["blob x'5b5d'"])
    assert "from which Django reads" in finding.explanation
