"""Strange databases with nothing wrong: each must pass without a finding, and be verified equal."""

from __future__ import annotations

import django

from tests.corpus import Case, healthy

_T = "CREATE TABLE t (id bigint PRIMARY KEY, v {})"
_S = "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v {}); INSERT INTO t VALUES {};"


def _column(name: str, pg: str, sqlite: str, *values: str, time_zone: str = "UTC") -> Case:
    rows = ", ".join(f"({key}, {value})" for key, value in enumerate(values, 1))
    return healthy(name, _T.format(pg), _S.format(sqlite, rows), time_zone=time_zone)


CASES = [
    healthy("no rows at all", _T.format("text"), "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v text);"),
    healthy("nothing but a key", "CREATE TABLE t (id bigint PRIMARY KEY)",
            "CREATE TABLE t (id integer NOT NULL PRIMARY KEY); INSERT INTO t VALUES (1), (-5), (9223372036854775807);"),
    _column("every plane of Unicode", "text", "text", "'é'", "char(128512)", "char(1114111)", "char(65534)", "''"),
    _column("control characters", "text", "text", "char(1)", "char(10, 13, 9)", "char(127, 133, 8232)"),
    _column("text that looks like SQL", "varchar(40)", "varchar(40)", "'''); DROP TABLE t; --'", "'\\N'", "'NULL'"),
    _column("astral text of exactly the length", "varchar(2)", "varchar(2)", "char(128512, 128513)", "'ab'"),
    _column("spaces that fit", "varchar(3)", "varchar(3)", "'a  '", "'   '"),
    _column("case and accents kept apart", "text UNIQUE", "text UNIQUE", "'e'", "'E'", "'é'", "'e' || char(769)"),
    _column("the ends of the integers", "smallint", "smallint", "-32768", "32767", "0", "NULL"),
    _column("the ends of the bigints", "bigint", "bigint", "-9223372036854775807 - 1", "9223372036854775807"),
    _column("booleans", "boolean", "bool", "0", "1", "NULL"),
    _column("floats of every size", "double precision", "real", "0.1", "-0.0", "1e308", "5e-324", "9e999", "-9e999"),
    _column("decimals as REAL, INTEGER and noise", "numeric(8, 2)", "decimal", "1", "1.5", "0.30000000000000004",
            "-0.0", "999999.99"),
    # As Django reads them since 6.1; before, it rounds them, which is told (``values``).
    *(
        [_column("whole numerics of 19 digits", "numeric(19, 0)", "decimal", "9007199254740993", "9223372036854775807")]
        if django.VERSION >= (6, 1)
        else []
    ),
    _column("dates of the first and last year", "date", "date", "'0001-01-01'", "'9999-12-31'", "'2024-02-29'"),
    _column("times", "time", "time", "'00:00:00'", "'23:59:59.999999'", "'10:00'"),
    _column("timestamps in every spelling", "timestamptz", "datetime", "'2024-01-01 10:00:00'",
            "'2024-01-01T10:00:00Z'", "'2024-01-01 10:00:00.123456+05:30'", "'2024-01-01'", "'0001-01-01 00:00:00'",
            "'9999-12-31 23:59:59.999999'"),
    _column("dates as Django's regular expressions read them", "date", "date", "'2024-1-5'", "'2024-01-6' || char(10)",
            "'２０２４-01-07'"),
    _column("times as Django's regular expressions read them", "time", "time", "'8:05'", "'08:05:1,5'"),
    _column("instants as Django's regular expressions read them", "timestamptz", "datetime", "'2024-1-5 8:00'",
            "'2024-01-05 08:01:00 +02:00'", "'2024-1-5T8:2:3,123456789012Z'", "'2024-01-05 08:03:00 '",
            time_zone="Europe/Paris"),
    _column("local times that were once", "timestamptz", "datetime", "'2024-07-01 12:00:00'", "'2024-10-27 03:00:00'",
            time_zone="Europe/Paris"),
    _column("an offset in the hour that was twice", "timestamptz", "datetime", "'2024-10-27 02:30:00+01:00'",
            time_zone="Europe/Paris"),
    _column("the clocks' showing without time zone", "timestamp", "datetime", "'2024-10-27 02:30:00'",
            time_zone="Europe/Paris"),
    _column("durations", "interval", "bigint", "0", "-1", "86400000000", "93600000001"),
    _column("uuids dashed, plain and in capitals", "uuid", "char(32)", "'5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1'",
            "'5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d2'", "'5C0D5A8FB7B34F7C9A3F3AC7F9E0A4D3'"),
    _column("addresses of every kind", "inet UNIQUE", "char(39) UNIQUE", "'10.0.0.1'", "'10.0.0.1/24'", "'::'",
            "'::1/64'", "'2001:DB8::A'", "'::ffff:10.0.0.1'", "'::10.0.0.1'", "'1:2:3:4:5:6:7:8'", "'0.0.0.0/0'",
            "NULL"),
    _column("JSON of every kind", "jsonb", "text", "'null'", "'1'", "'\"é\"'", "' {\"a\": [1, 2.50, {}]} '",
            "'\"\\ud83d\\ude00\"'", "'[\"\\\\u0000\"]'", "'\"NaN\"'"),
    _column("binary of every byte", "bytea", "BLOB", "x''", "x'00'", "x'ff00fe'", "randomblob(70000)"),
    _column("arrays", "integer[]", "text", "'{1, 2}'", "'{}'", "'{{1,2},{3,4}}'", "NULL"),
    _column("ranges and points", "point", "text", "'(1, 2.50)'", "'(-0,1e10)'"),
    _column("numeric without limits", "numeric", "decimal", "1", "1.5", "0.30000000000000004", "-2e-30", "9e99"),
    _column("networks", "cidr UNIQUE", "text UNIQUE", "'10.0.0.0/8'", "'2001:DB8::/32'", "'10.0.0.1'"),
    healthy("hostile names", 'CREATE TABLE "se""lect" ("id" bigint PRIMARY KEY, "wei rd"" ${0}" text)',
            'CREATE TABLE "se""lect" (id integer NOT NULL PRIMARY KEY, "wei rd"" ${0}" text);'
            " INSERT INTO \"se\"\"lect\" VALUES (1, '{0}');"),
    healthy("columns in another order", "CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text)",
            "CREATE TABLE t (b text, a integer, id integer NOT NULL PRIMARY KEY); INSERT INTO t VALUES ('x', 5, 1);"),
    healthy("names in another case", "CREATE TABLE t (id bigint PRIMARY KEY, name text)",
            "CREATE TABLE T (ID integer NOT NULL PRIMARY KEY, Name text); INSERT INTO T VALUES (1, 'x');"),
    healthy("WITHOUT ROWID and a text key", "CREATE TABLE t (code varchar(9) PRIMARY KEY, v integer)",
            "CREATE TABLE t (code varchar(9) NOT NULL PRIMARY KEY, v integer) WITHOUT ROWID;"
            " INSERT INTO t VALUES ('b', 1), ('a', 2), ('é', 3);"),
    healthy("a key of two columns", "CREATE TABLE t (a integer, b varchar(9), PRIMARY KEY (a, b))",
            "CREATE TABLE t (a integer NOT NULL, b varchar(9) NOT NULL, PRIMARY KEY (a, b));"
            " INSERT INTO t VALUES (1, 'x'), (1, 'y'), (2, 'x');"),
    healthy("a circle of foreign keys",
            "CREATE TABLE a (id bigint PRIMARY KEY, b_id bigint); CREATE TABLE b (id bigint PRIMARY KEY, a_id bigint"
            " REFERENCES a (id)); ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id)",
            "CREATE TABLE a (id integer NOT NULL PRIMARY KEY, b_id bigint REFERENCES b (id));"
            " CREATE TABLE b (id integer NOT NULL PRIMARY KEY, a_id bigint REFERENCES a (id));"
            " INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);"),
    healthy("STRICT, and a generated column", "CREATE TABLE t (id bigint PRIMARY KEY, a integer,"
            " twice integer GENERATED ALWAYS AS (a * 2) STORED)",
            "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a integer,"
            " twice integer GENERATED ALWAYS AS (a * 2) STORED) STRICT; INSERT INTO t (id, a) VALUES (1, 4);"),
    healthy("AUTOINCREMENT whose last row is gone",
            "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)",
            "CREATE TABLE t (id integer NOT NULL PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (1), (900);"
            " DELETE FROM t WHERE id = 900;"),
    healthy("indexes that serve for others, and one for LIKE",
            "CREATE TABLE t (id bigint PRIMARY KEY, a integer, b varchar(9)); CREATE INDEX t_a ON t (a);"
            " CREATE INDEX t_b_like ON t (b varchar_pattern_ops); CREATE INDEX t_h ON t USING hash (b)",
            "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a integer, b varchar(9));"
            " CREATE UNIQUE INDEX t_a_b ON t (a, b); INSERT INTO t VALUES (1, 5, 'x'), (2, 5, 'y');"),
    healthy("unique expressions that nothing repeats",
            "CREATE TABLE t (id bigint PRIMARY KEY, a varchar(9), n integer); CREATE UNIQUE INDEX u ON t (lower(a), n);"
            " CREATE UNIQUE INDEX w ON t (trim(a)) WHERE n IS NULL",
            "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a varchar(9), n integer);"
            " INSERT INTO t VALUES (1, 'a', 1), (2, 'A', 2), (3, 'A', NULL), (4, 'a', NULL), (5, 'É', 1);"),
    healthy("sixty-five columns",
            "CREATE TABLE t (id bigint PRIMARY KEY, " + ", ".join(f"c{n} integer" for n in range(65)) + ")",
            "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, " + ", ".join(f"c{n} integer" for n in range(65))
            + "); INSERT INTO t (id, c0, c64) VALUES (1, 5, 6);"),
]  # fmt: skip
