"""Types without a binary form here: sent as text, cast by PostgreSQL, verified in PostgreSQL's own spelling."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest

from migrate_to_pg.errors import LoadError
from migrate_to_pg.load import pieces
from migrate_to_pg.records import Verify
from migrate_to_pg.verify import verify_tables
from tests.integration.crossing import Ferry, marks
from tests.tiers import first_in_ci, these_in_ci

pytestmark = pytest.mark.parametrize(
    "shared_url", first_in_ci(18, 16), indirect=True, scope="module", ids=lambda version: f"pg{version}"
)


def differences(ferry: Ferry) -> list[tuple[str, str | None, str | None]]:
    verification = verify_tables(
        ferry.plan(), ferry.path, ferry.url, schema="ferry", verify=Verify.CELLS, progress=lambda _: None
    )
    return [(sample.column, sample.source, sample.target) for table in verification.tables for sample in table.samples]


TYPES = {
    "integer[]": (["{1, 2,3}", "{}", "{NULL,-5}", "{{1,2},{3,4}}"], ["{1,2,3}", "{}", "{NULL,-5}", "{{1,2},{3,4}}"]),
    "text[]": (['{a,"b c",É, "x\\"y"}'], ['{a,"b c",É,"x\\"y"}']),
    "varchar(3)[]": (["{abc,d}"], ["{abc,d}"]),
    "int4range": (["[1,5]", "empty", "(,7)"], ["[1,6)", "empty", "(,7)"]),
    "mood": (["sad", "très gai"], ["sad", "très gai"]),
    "positive": (["5", "0012"], ["$5.00", "$12.00"]),
    "bit(3)": (["101"], ["101"]),
    "bit varying": (["1", "10101"], ["1", "10101"]),
    "macaddr": (["08-00-2B-01-02-03"], ["08:00:2b:01:02:03"]),
    "point": (["(1, 2.5)"], ["(1,2.5)"]),
    "tsvector": (["'a':3 'b'", "'a\\\\b':1,3A 'it''s'", ""], ["'a':3 'b'", "'a\\\\b':1,3A 'it''s'", ""]),
    "tsquery": (["a & !b", "'it''s' | 'a\\\\b'"], ["'a' & !'b'", "'it''s' | 'a\\\\b'"]),
    "float8[]": (["{0.1,1e300,NaN}"], ["{0.1,1e+300,NaN}"]),
    "box": (["(1,1),(0,0)"], ["(1,1),(0,0)"]),
    "line": (["{1,-1,0.5}"], ["{1,-1,0.5}"]),
    "path": (["[(0,0),(1,1)]"], ["[(0,0),(1,1)]"]),
    "polygon": (["((0,0),(1,1))"], ["((0,0),(1,1))"]),
    "circle": (["<(0,0),1.5>"], ["<(0,0),1.5>"]),
    "lseg": (["[(0,0),(1,1)]"], ["[(0,0),(1,1)]"]),
    "macaddr8": (["08:00:2b:01:02:03:04:05"], ["08:00:2b:01:02:03:04:05"]),
    "timetz": (["10:00:00.5+02"], ["10:00:00.5+02"]),
    "timetz(0)": (["10:00:00+02"], ["10:00:00+02"]),
    "uuid[]": (["{0123456789abcdef0123456789abcdef}"], ["{01234567-89ab-cdef-0123-456789abcdef}"]),
    "boolean[]": (["{t,f,NULL}"], ["{t,f,NULL}"]),
    "bytea[]": (['{"\\\\x00ff"}'], ['{"\\\\x00ff"}']),
    "jsonb[]": (['{"{\\"a\\": [1]}"}'], ['{"{\\"a\\": [1]}"}']),
    "inet[]": (["{10.0.0.1}"], ["{10.0.0.1}"]),
    "cidr[]": (["{10.0.0.0/8}"], ["{10.0.0.0/8}"]),
    "name[]": (["{a}"], ["{a}"]),
    '"char"[]': (["{a}"], ["{a}"]),
    "int4multirange": (["{[1,3),[5,6)}"], ["{[1,3),[5,6)}"]),
    "bigint[]": (["{1}"], ["{1}"]),
    "smallint[]": (["{1}"], ["{1}"]),
    "money": (["12.5"], ["$12.50"]),
    "timestamptz[]": (["{2024-01-01 00:00:00+02}"], ['{"2023-12-31 22:00:00+00"}']),
    "jsonpath": (["$.a[*]"], ['$."a"[*]']),
    '"Odd {type} of 100%s"[]': (["{x, %s}"], ["{x,%s}"]),
    "numeric(5,2)[]": (["{1}", "{1.5,999.99}", "{NULL}"], ["{1.00}", "{1.50,999.99}", "{NULL}"]),
    "char(3)[]": (["{a,bcd}"], ['{"a  ",bcd}']),
    "real[]": (["{0.1,1e10,-0,NaN,16777216.00}"], ["{0.1,1e+10,-0,NaN,1.6777216e+07}"]),
    "date[]": (["{2024-02-29,infinity}"], ["{2024-02-29,infinity}"]),
    "tstzrange": (["[2024-01-01 10:00:00.123456000+02,)"], ['["2024-01-01 08:00:00.123456+00",)']),
    "daterange": (["[2024-01-01,2024-01-31]"], ["[2024-01-01,2024-02-01)"]),
    "time[]": (["{10:00:00.123456}"], ["{10:00:00.123456}"]),
    "timestamp[]": (["{2024-01-01 10:00:00.120000000}"], ['{"2024-01-01 10:00:00.12"}']),
    "interval[]": (["{-1 day 02:03:04.5}"], ['{"-1 days +02:03:04.5"}']),
    "name": (["é" * 31 + "x", ""], ["é" * 31 + "x", ""]),
    '"char"': (["x", " "], ["x", " "]),
}


@pytest.mark.parametrize("type_sql", these_in_ci(TYPES, *[*TYPES][::3]))
def test_what_postgresql_reads_crosses_and_is_verified(ferry: Ferry, type_sql: str) -> None:
    given, held = TYPES[type_sql]
    ferry.target(
        "CREATE TYPE mood AS ENUM ('sad', 'très gai'); CREATE TYPE \"Odd {type} of 100%s\" AS ENUM ('x', '%s');"
        "CREATE DOMAIN positive AS money CHECK (VALUE > 0::money)"
    )
    ferry.column(type_sql, *given, None)
    (loaded,) = ferry.load()
    assert loaded.rows == len(given) + 1
    assert [row[0] for row in ferry.rows("SELECT v::text FROM t ORDER BY id")] == [*held, None]
    assert differences(ferry) == []
    ferry.target("UPDATE t SET v = NULL WHERE id = 1")
    # Without a key the row that is not there and the one that is too many are both told.
    assert (None, "id=1, v=NULL") in [(source, target) for _, source, target in differences(ferry)]


@pytest.mark.parametrize("type_sql", ["integer[]", "bit(3)", "varchar(3)[]", "int4range"])
@pytest.mark.parametrize("jobs", first_in_ci(3, 1))
def test_what_postgresql_does_not_read_is_named_and_nothing_stays(
    ferry: Ferry, type_sql: str, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 1000)
    ferry.jobs = jobs
    good, bad = {
        "integer[]": ("{1}", "[1, 2]"),
        "bit(3)": ("101", "1010"),
        "varchar(3)[]": ("{abc}", "{abcd}"),
        "int4range": ("[1,2)", "[5,2)"),
    }[type_sql]
    ferry.column(type_sql)
    ferry.fill("INSERT INTO t VALUES (?, ?)", ((i, good if i != 2777 else bad) for i in range(1, 3001)))
    with pytest.raises(LoadError) as caught:
        ferry.load()
    told = " ".join([str(caught.value), *caught.value.detail])
    assert "t" in told
    if type_sql in ("integer[]", "int4range"):
        assert "Table t, column v: PostgreSQL does not read a value as" in told
        assert "id = 2777" in told
        assert repr(bad) in told
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'ferry'::regnamespace AND relkind = 'r'"
    assert ferry.rows(tables) == [("t",)]
    assert ferry.rows("SELECT count(*) FROM t") < [(3000,)]


LOST = {
    "tsvector": [r"'a\b'", "b a:3 a", "Running the cats", "'b' 'b'", "'a':3,1", "'a':16384", f"'a':{'9' * 5000}"],
    "tsquery": [r"a\b", r"'C:\temp'"],
    "text[]": [r'{"a\b"}', r"{C:\temp}"],
    "float8[]": ["{0.1000000000000000055}", "{1e400}", "{1e99999999999999999999}"],
    "point": ["(0.1000000000000000055,1)"],
    "line": ["[(0,0),(1,1)]"],
    "timetz(0)": ["10:00:00.5+02"],
    "timetz": ["10:00:00.1234567+02"],
    "varchar(3)[]": ["{abcd}", '{"abc "}'],
    "numeric(5,2)[]": ["{1.005}", "{1e-3}"],
    "name[]": ["{" + "x" * 64 + "}"],
    '"char"[]': ["{abc}"],
    '"char"': ["ab", "é", ""],
    "name": ["x" * 64, "é" * 32],
    "money": ["1.234", "$0.001"],
    "date[]": ["{2024-01-01 10:00}", "{today}"],
    "daterange": ["[2024-01-01 10:00,2024-02-01)"],
    "time[]": ["{10:00:00.1234567}", "{10:00:00+02}", "{2024-01-01 10:00:00}"],
    "timestamp[]": ["{2024-01-01 10:00:00Z}", "{2024-01-01 10:00:00.5 +02}", "{2024-01-01 10:00:00.0000001}"],
    "tstzrange": ["[2024-01-01 10:00:00.1234567Z,)", "[now,)"],
    "interval[]": ["{1.0000005 seconds}"],
    "real[]": ["{1,0.10000000149011612}", "{1e39}", "{1e-46}", "{16777217}"],
}


@pytest.mark.parametrize("type_sql", LOST)
def test_a_text_of_which_postgresql_would_keep_less_is_not_sent(ferry: Ferry, type_sql: str) -> None:
    (good, _), bad = TYPES[type_sql], LOST[type_sql]
    ferry.column(type_sql, *good, *bad)
    assert marks(ferry.batches()) == [""] * len(good) + ["malformed"] * len(bad)


@pytest.mark.parametrize(
    ("type_sql", "given", "held"),
    [
        ("numeric(5,2)[]", "{1.005}", "{1.01}"),
        ("timestamptz(0)[]", "{2024-01-01 10:00:00.5+00}", '{"2024-01-01 10:00:01+00"}'),
        ("name[]", "{" + "x" * 64 + "}", "{" + "x" * 63 + "}"),
        ('"char"[]', "{abc}", "{a}"),
    ],
)
def test_what_postgresql_cut_or_rounded_all_the_same_is_a_difference(
    ferry: Ferry, type_sql: str, given: str, held: str
) -> None:
    """The reader marks it, so that it is not sent; what another program sends the verification tells."""
    ferry.column(type_sql, given)
    assert marks(ferry.batches()) == ["malformed"]
    ferry.target(f"INSERT INTO t VALUES (1, CAST('{given}' AS {type_sql}))")
    assert ferry.rows("SELECT v::text FROM t") == [(held,)]
    assert [target for _, _, target in differences(ferry) if target] == [f"id=1, v={held}"]


def test_the_verification_tells_a_text_that_a_domain_in_an_array_refuses(ferry: Ferry) -> None:
    ferry.target("CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
    ferry.column("positive[]", "{1}", "{-1}", "{2}")
    ferry.target("INSERT INTO t VALUES (1, '{1}'), (3, '{2}')")
    assert differences(ferry) == [("", "id=2, v={-1}", None)]


def test_the_other_columns_keep_their_binary_form_and_generated_ones_are_computed(ferry: Ferry) -> None:
    ferry.source(
        "CREATE TABLE t (id integer PRIMARY KEY, a text, b decimal, at datetime, u char(32), raw blob)",
        "INSERT INTO t VALUES (7, '{3,4}', 1.005, '2024-05-06 07:08:09.123456',"
        " '0123456789abcdef0123456789abcdef', x'00ff')",
    )
    ferry.target(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, raw bytea, a int[] NOT NULL, b numeric(9, 2),"
        " at timestamptz, u uuid, g int GENERATED ALWAYS AS (a[1] * 2) STORED, CHECK (cardinality(a) > 1))"
    )
    ferry.load()
    (row,) = ferry.rows("SELECT id, raw, a, b::text, at::text, u::text, g FROM t")
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    assert row == (7, b"\x00\xff", [3, 4], "1.00", "2024-05-06 07:08:09.123456+00", uuid, 6)


def test_numeric_without_a_precision_is_the_number_that_django_reads(ferry: Ferry) -> None:
    ferry.column("numeric", 1.005, 0.1 + 0.2, 5, -7.25, 1e-20, 1.5e300, None)
    ferry.load()
    held = [row[0] for row in ferry.rows("SELECT v FROM t ORDER BY id")]
    assert held == [Decimal(text) for text in ("1.005", "0.3", "5", "-7.25", "1e-20", "1.5e300")] + [None]
    assert differences(ferry) == []


def test_networks_are_networks(ferry: Ferry) -> None:
    ferry.column("cidr", "10.0.0.0/8", "2001:DB8::/32", "192.168.1.1")
    ferry.load()
    assert ferry.rows("SELECT v::text FROM t ORDER BY id") == [("10.0.0.0/8",), ("2001:db8::/32",), ("192.168.1.1/32",)]
    assert differences(ferry) == []


def test_a_network_with_bits_beyond_its_prefix_is_none(ferry: Ferry) -> None:
    ferry.column("cidr", "10.0.0.1/8")
    with pytest.raises(LoadError, match="cannot become cidr"):
        ferry.load()


def test_a_column_that_only_another_refuses_is_told_in_postgresqls_words(ferry: Ferry) -> None:
    ferry.source("CREATE TABLE t (id integer PRIMARY KEY, a text, n integer)", "INSERT INTO t VALUES (1, '{1}', -5)")
    ferry.target("CREATE TABLE t (id int, a int[], n int CONSTRAINT small CHECK (n > 0))")
    with pytest.raises(LoadError, match="small"):
        ferry.load()
    with psycopg.connect(ferry.url) as connection:
        assert connection.execute("SELECT count(*) FROM ferry.t").fetchone() == (0,)
