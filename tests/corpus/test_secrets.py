"""Secrets planted where each rule finds fault: no output shows them, whatever is found, repaired or set aside."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.pipeline import move as pipeline
from migrate_to_pg.records import Report
from migrate_to_pg.report.to_html import to_html
from migrate_to_pg.report.to_json import dumps
from migrate_to_pg.report.to_text import lines
from migrate_to_pg.rules import RULES, ValueRule
from tests.corpus import Case, Found, value_case
from tests.corpus.conftest import Move
from tests.corpus.test_corpus import EVERY_REPAIR

#: What is planted, as text, as a number, and as the hexadecimal digits of the text.
NEEDLES = ("hunter2", "7355608", "68756e74657232")
_TZ = "timestamp with time zone"
_STAMP = "'2024-01-31 10:00:00'"
_LONG = "'hunter2' || hex(randomblob(8000))"

#: Rule, PostgreSQL's type, SQLite's type, the faulty value, a good one.
VALUES = (
    ("text-too-long", "varchar(7)", "varchar(7)", "'hunter2hunter2'", "'abc'"),
    ("nul-in-text", "text", "text", "'hunter2' || char(0) || 'b'", "'ab'"),
    ("invalid-utf8", "text", "text", "CAST(x'68756e74657232e9' AS TEXT)", "'é'"),
    ("wrong-storage-class", "text", "text", "x'68756e74657232'", "'ab'"),
    ("wrong-storage-class", "integer", "integer", "'hunter2'", "1"),
    ("wrong-storage-class", "varchar(9)", "", "7355608", "'12'"),
    ("btree-too-large", "text UNIQUE", "text UNIQUE", _LONG, "'a'"),
    ("integer-out-of-range", "smallint", "smallint", "7355608", "1"),
    ("boolean-value", "boolean", "bool", "7355608", "1"),
    ("boolean-as-read", "boolean", "bool", "'hunter2'", "1"),
    ("malformed-date", "date", "date", "'hunter2'", "'2024-01-31'"),
    ("malformed-time", "time", "time", "'hunter2'", "'10:00:00'"),
    ("malformed-timestamp", _TZ, "datetime", "'hunter2'", _STAMP),
    ("malformed-value", "real", "real", "0.7355608735", "0.5"),
    ("numeric-overflow", "numeric(6, 2)", "decimal", "7355608", "1"),
    ("numeric-rounded", "numeric(6, 2)", "decimal", "1.7355608", "1.15"),
    ("numeric-rounded", "numeric(19, 0)", "decimal", "7355608735560873556", "1"),
    ("check-constraint", "integer CHECK (v < 10)", "integer", "7355608", "0"),
    ("check-constraint", "varchar(9) CHECK (v IN ('a', 'b'))", "varchar(9)", "'hunter2'", "'a'"),
    ("invalid-json", "jsonb", "text", "'{hunter2'", "'{}'"),
    ("json-escape", "jsonb", "text", "'[\"hunter2\\u0000\"]'", "'[]'"),
    ("json-number", "jsonb", "text", "'[7355608e+23, \"hunter2\"]'", "'[1.5]'"),
    ("invalid-uuid", "uuid", "char(32)", "'hunter2'", "lower(hex(zeroblob(16)))"),
    ("invalid-inet", "inet", "char(39)", "'hunter2'", "'::1'"),
    ("padded-text", "char(9)", "char(9)", "'hunter2'", "'abcdeabcd'"),
    ("text-as-blob", "jsonb", "text", "x'2268756e7465723222'", "'[]'"),
    ("precision-lost", "timestamp(0)", "datetime", "'2024-01-31 10:00:00.735560'", _STAMP),
    ("null-in-not-null", "text NOT NULL", "text", "NULL", "'hunter2'"),
    ("ambiguous-local-time", _TZ, "datetime", "'2024-10-27 02:30:00.735560'", _STAMP),
)
#: Tables of their own: PostgreSQL's, SQLite's with its rows.
TABLES = {
    "duplicate-key": (
        "CREATE TABLE twice (id bigint PRIMARY KEY, api_token text UNIQUE, note text)",
        "CREATE TABLE twice (id integer PRIMARY KEY, api_token text, note text);"
        " INSERT INTO twice VALUES (1, 'hunter2', 'a'), (2, 'hunter2', 'b')",
    ),
    "foreign-key-orphan": (
        "CREATE TABLE p (api_token varchar(20) PRIMARY KEY); CREATE TABLE orphan (id bigint PRIMARY KEY, api_token"
        " varchar(20) REFERENCES p (api_token))",
        "CREATE TABLE p (api_token varchar(20) PRIMARY KEY); INSERT INTO p VALUES ('hunter2');"
        " CREATE TABLE orphan (id integer PRIMARY KEY, api_token varchar(20));"
        " INSERT INTO orphan VALUES (1, 'hunter2'), (2, 'hunter2b')",
    ),
    "code-in-key": (
        "CREATE TABLE q (id bigint PRIMARY KEY, api_token varchar(20) UNIQUE); CREATE TABLE coded (id bigint PRIMARY"
        " KEY, api_token_id bigint REFERENCES q (id))",
        "CREATE TABLE q (id integer PRIMARY KEY, api_token varchar(20) UNIQUE); INSERT INTO q VALUES (1, 'hunter2');"
        " CREATE TABLE coded (id integer PRIMARY KEY, api_token_id varchar(20));"
        " INSERT INTO coded VALUES (1, 'hunter2'), (2, 'hunter2x')",
    ),
    "key-spelled-otherwise": (
        "CREATE TABLE u (api_token uuid PRIMARY KEY); CREATE TABLE spelled (id bigint PRIMARY KEY, api_token uuid"
        " REFERENCES u (api_token))",
        "CREATE TABLE u (api_token char(32) PRIMARY KEY); INSERT INTO u VALUES ('73556080000000000000000000000000');"
        " CREATE TABLE spelled (id integer PRIMARY KEY, api_token char(36));"
        " INSERT INTO spelled VALUES (1, '73556080-0000-0000-0000-000000000000')",
    ),
    # Its own key is the secret, as that of a session is.
    "a secret key": (
        "CREATE TABLE session (session_key varchar(40) PRIMARY KEY, session_data varchar(9), n integer)",
        "CREATE TABLE session (session_key varchar(40) PRIMARY KEY, session_data varchar(9), n integer);"
        " INSERT INTO session VALUES ('hunter2-key', 'hunter2-data', 1), ('hunter2-other', 'a', 'x')",
    ),
    "a secret key without rowid": (
        "CREATE TABLE bare (session_key varchar(40) PRIMARY KEY, session_data int4range)",
        "CREATE TABLE bare (session_key varchar(40) PRIMARY KEY, session_data text) WITHOUT ROWID;"
        " INSERT INTO bare VALUES ('hunter2-key', '[7355608,1)'), ('hunter2-other', 'hunter2')",
    ),
    "refused-row": (
        "CREATE TABLE refused (id bigint PRIMARY KEY, api_token int4range, note text)",
        "CREATE TABLE refused (id integer PRIMARY KEY, api_token text, note text);"
        " INSERT INTO refused VALUES (1, '[7355608,1)', 'a'), (2, 'hunter2', 'b'), (3, '[1,2)', 'c')",
    ),
    "generated": (
        "CREATE TABLE computed (id bigint PRIMARY KEY, api_token bigint, pin integer GENERATED ALWAYS AS"
        " ((api_token * 1000)::integer) STORED)",
        "CREATE TABLE computed (id integer PRIMARY KEY, api_token bigint, pin integer);"
        " INSERT INTO computed VALUES (1, 7355608, NULL)",
    ),
    "leftover-table": (
        "",
        "CREATE TABLE old (id integer, password text, secret blob); INSERT INTO old VALUES (1, 'hunter2', 7355608)",
    ),
}
#: Nothing repairs them, so that they are in the first run alone.
STANDING = {
    "unknown-type": (
        "CREATE TYPE pair AS (a text, b integer); CREATE TABLE unknown (id bigint PRIMARY KEY, api_token pair)",
        "CREATE TABLE unknown (id integer PRIMARY KEY, api_token text); INSERT INTO unknown VALUES (1, '(hunter2,2)')",
    ),
    "extra-column": (
        "CREATE TABLE extra (id bigint PRIMARY KEY)",
        "CREATE TABLE extra (id integer PRIMARY KEY, api_token text); INSERT INTO extra VALUES (1, 'hunter2')",
    ),
}
#: They mark rows and have no value to show: the empty text, an id, or what no column here can hold.
SHOW_NO_SECRET = {"empty-key", "generic-foreign-key-orphan", "content-type-gone", "offset-dropped", "json-depth"}


def _made(number: int, rule: str, pg: str, sqlite: str, bad: str, good: str) -> tuple[str, str]:
    case = value_case("", rule, pg, sqlite, {1: bad}, good)
    return tuple(
        re.sub(r"\bv\b", "api_token", re.sub(r"(TABLE|INTO) t\b", rf"\1 t{number}", script)).rstrip(";")
        for script in (case.target, case.source)
    )  # type: ignore[return-value]


def planted(*more: tuple[str, str]) -> Case:
    """One database of all of them."""
    tables = [*(_made(number, *value) for number, value in enumerate(VALUES)), *TABLES.values(), *more]
    target, source = ("; ".join(filter(None, scripts)) for scripts in zip(*tables, strict=True))
    return Case(name="planted", target=target, source=source + ";", time_zone="Europe/Paris")


def outputs(report: Report, folder: Path) -> dict[str, str]:
    """Everything that is read by people or sent on."""
    files = {str(path): path.read_text() for path in folder.glob("report.*")}
    assert len(files) == 2
    return files | {"text": "\n".join(lines(report)), "html": to_html(report), "json": dumps(report)}


def check_silent(report: Report, folder: Path, said: str) -> None:
    for place, text in (outputs(report, folder) | {"progress": said}).items():
        for needle in NEEDLES:
            around = re.search(rf".{{0,200}}{needle}.{{0,50}}", text)
            assert around is None, (place, around)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a run says on its way."""
    said: list[str] = []
    run = pipeline.run
    monkeypatch.setattr(pipeline, "run", lambda options: run(options, lambda event: said.append(str(event))))
    return said


def test_no_finding_shows_a_secret(move: Move, tmp_path: Path, events: list[str]) -> None:
    report = move(planted(*STANDING.values()))
    assert report.failure is not None
    found = {finding.rule for finding in report.findings if finding.samples}
    wanted = {rule.id for rule in RULES if isinstance(rule, ValueRule) or getattr(rule, "offences", None)}
    assert wanted - found - SHOW_NO_SECRET - {"refused-row"} == set()
    shown = {sample.value for finding in report.findings for sample in finding.samples}
    assert "***" in shown
    assert "text ***" in shown
    check_silent(report, tmp_path / "r", "".join(events))


def test_neither_repairs_nor_quarantine_show_a_secret_and_both_keep_it(
    move: Move,
    corpus_url: str,
    tmp_path: Path,
    events: list[str],
) -> None:
    report = move(planted(), fix=EVERY_REPAIR, quarantine=("all",))
    assert report.failure is None, report.failure
    assert {"refused-row", "duplicate-key"} <= {rows.rule for rows in report.removed}
    assert [cell.old for cells in report.changed for cell in cells.samples].count("***") > 10
    check_silent(report, tmp_path / "r", "".join(events))
    with psycopg.connect(corpus_url) as connection:
        kept = str(connection.execute("SELECT * FROM migrate_to_pg.quarantine").fetchall())
        changed = str(connection.execute("SELECT * FROM migrate_to_pg.changed_cell").fetchall())
    assert "hunter2" in kept
    assert "7355608" in kept
    assert "hunter2" in changed


def test_rows_set_aside_are_shown_by_their_key_and_the_columns_at_fault(
    move: Move,
    corpus_url: str,
) -> None:
    target = "CREATE TABLE t (id bigint PRIMARY KEY, v integer, remark text)"
    source = (
        "CREATE TABLE t (id integer PRIMARY KEY, v integer, remark text); INSERT INTO t VALUES (1, 'x', 'of Thérèse');"
    )
    case = Case(name="aside", target=target, source=source, finds=(Found("wrong-storage-class", "t", "v"),))
    report = move(case, quarantine=("all",))
    assert [dict(row.row) for rows in report.removed for row in rows.samples] == [{"id": 1, "v": "x"}]
    with psycopg.connect(corpus_url) as connection:
        assert "Thérèse" in str(connection.execute("SELECT * FROM migrate_to_pg.quarantine").fetchall())
