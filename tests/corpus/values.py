"""Faults of single values: each column type, each kind of value that it cannot hold."""

from __future__ import annotations

from decimal import Decimal

import django
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Cast, Substr
from django.db.models.lookups import Exact

from tests.corpus import value_case

_TZ = "timestamp with time zone"
_STAMP = "'2024-01-31 10:00:00'"

_YEARS = Case(
    When(
        f1x__regex="^[0-9]{4}-[0-9]{4}$",
        then=Exact(
            Cast(Substr("f1x", 6, 4), models.IntegerField()), Cast(Substr("f1x", 1, 4), models.IntegerField()) + 1
        ),
    ),
    default=Value(False),
    output_field=models.BooleanField(),
)

CASES = [
    # --- text
    value_case("text longer than varchar", "text-too-long", "varchar(3)", "varchar(3)", {1: "'abcd'"}, "'abc'"),
    value_case("text longer by spaces alone", "text-too-long", "varchar(3)", "varchar(3)", {7: "'abc  '"}, "'abc'"),
    value_case("long text of astral characters", "text-too-long", "varchar(2)", "varchar(2)",
               {3: "printf('%s%s%s', char(128512), char(128512), char(128512))"}, "char(128512) || char(128512)"),
    value_case("NUL within text", "nul-in-text", "text", "text", {1: "'a' || char(0) || 'b'"}, "'ab'"),
    value_case("NUL alone in varchar", "nul-in-text", "varchar(5)", "varchar(5)", {2: "char(0)"}, "''"),
    value_case("NUL at the end, many rows", "nul-in-text", "text", "text",
               dict.fromkeys(range(1, 8), "'x' || char(0)")),
    value_case("Latin-1 bytes", "invalid-utf8", "varchar(9)", "varchar(9)", {1: "CAST(x'63616ee9' AS TEXT)"}, "'café'"),
    value_case("half a surrogate pair", "invalid-utf8", "text", "text", {1: "CAST(x'eda0bd' AS TEXT)"}, "char(128512)"),
    value_case("overlong encoding", "invalid-utf8", "text", "text", {1: "CAST(x'c080' AS TEXT)"}, "'a'"),
    value_case("truncated character", "invalid-utf8", "text", "text", {1: "CAST(x'61c3' AS TEXT)"}, "'é'"),
    value_case("UTF-8 beyond Unicode", "invalid-utf8", "text", "text", {1: "CAST(x'f4908080' AS TEXT)"}, "'é'"),
    value_case("Latin-1 bytes within JSON", "invalid-utf8", "jsonb", "text", {1: "CAST(x'22e922' AS TEXT)"}, "'\"é\"'"),
    value_case("blob in a text column", "wrong-storage-class", "text", "text", {1: "x'6162'"}, "'ab'"),
    value_case("number in an untyped text column", "wrong-storage-class", "varchar(5)", "", {1: "12"}, "'12'"),
    value_case("unique text too large for a btree", "btree-too-large", "text UNIQUE", "text UNIQUE",
               {1: "hex(randomblob(8000))"}, "'a'"),
    value_case("unique text that fits a btree compressed", "btree-too-large", "text UNIQUE", "text UNIQUE",
               {1: "hex(zeroblob(8000))"}, "hex(randomblob(1346))", blocked=False),
    # --- integers
    value_case("smallint too large", "integer-out-of-range", "smallint", "smallint", {1: "32768"}, "32767"),
    value_case("smallint too small", "integer-out-of-range", "smallint", "smallint", {1: "-32769"}, "-32768"),
    value_case("integer too large", "integer-out-of-range", "integer", "integer", {1: "2147483648"}, "2147483647"),
    value_case("integer far too small", "integer-out-of-range", "integer", "integer", {1: "-9223372036854775807"}, "0"),
    value_case("bigint beyond 64 bits", "wrong-storage-class", "bigint", "bigint", {1: "9223372036854775808"},
               "9223372036854775807"),
    value_case("fraction in an integer column", "wrong-storage-class", "integer", "integer", {1: "1.5"}, "1"),
    value_case("text in an integer column", "wrong-storage-class", "integer", "integer", {1: "'12abc'"}, "12"),
    value_case("empty text in an integer column", "wrong-storage-class", "bigint", "bigint", {1: "''"}),
    value_case("blob in an integer column", "wrong-storage-class", "integer", "integer", {1: "x'01'"}, "1"),
    value_case("infinity in an integer column", "wrong-storage-class", "bigint", "bigint", {1: "9e999"}, "1"),
    # --- booleans
    value_case("boolean 2", "boolean-value,boolean-as-read", "boolean", "bool", {1: "2"}, "1"),
    value_case("boolean minus 1", "boolean-value,boolean-as-read", "boolean", "bool", {1: "-1"}, "0"),
    value_case("boolean words", "boolean-value,boolean-as-read", "boolean", "bool",
               {1: "'true'", 2: "'on'", 3: "'t'"}, "1"),
    value_case("boolean words that Django reads so", "boolean-as-read", "boolean", "bool",
               {1: "'false'", 2: "'no'", 3: "x'31'", 4: "'what'"}, "1"),
    value_case("boolean empty text", "boolean-as-read", "boolean", "bool", {1: "''"}, "0"),
    value_case("boolean numbers and words", "boolean-value,boolean-as-read", "boolean", "bool",
               {1: "2", 2: "'yes'", 3: "0.5"}, "0"),
    # --- dates and times
    value_case("date empty", "malformed-date", "date", "date", {1: "''"}, "'2024-01-31'"),
    value_case("date zero", "malformed-date", "date", "date", {1: "'0000-00-00'"}, "'0001-01-01'"),
    value_case("date that no calendar has", "malformed-date", "date", "date", {1: "'2023-02-29'"}, "'2024-02-29'"),
    value_case("datetime in a date column", "malformed-date", "date", "date", {1: _STAMP}, "'2024-01-31'"),
    value_case("date as Europe writes it", "malformed-date", "date", "date", {1: "'31/01/2024'"}, "'2024-01-31'"),
    value_case("date of bytes that are no UTF-8", "malformed-date", "date", "date", {1: "CAST(x'ff' AS TEXT)"},
               "'2024-01-31'"),
    value_case("timestamp of bytes that are no UTF-8", "malformed-timestamp", _TZ, "datetime",
               {1: "CAST(x'ff' AS TEXT)"}, _STAMP),
    value_case("date of five digits", "malformed-date", "date", "date", {1: "'10000-01-01'"}, "'9999-12-31'"),
    value_case("Unix time in a date column", "wrong-storage-class", "date", "date", {1: "1704067200"}, "'2024-01-31'"),
    value_case("time 25:00", "malformed-time", "time", "time", {1: "'25:00:00'"}, "'23:59:59.999999'"),
    value_case("time empty", "malformed-time", "time", "time", {1: "''"}, "'00:00:00'"),
    value_case("datetime in a time column", "malformed-time", "time", "time", {1: _STAMP}, "'10:00:00'"),
    value_case("time with an offset", "malformed-time", "time", "time", {1: "'10:00:00+02:00'"}, "'10:00:00'"),
    value_case("seconds in a time column", "wrong-storage-class", "time", "time", {1: "36000"}, "'10:00:00'"),
    value_case("timestamp empty", "malformed-timestamp", _TZ, "datetime", {1: "''"}, _STAMP),
    value_case("timestamp zero", "malformed-timestamp", _TZ, "datetime", {1: "'0000-00-00 00:00:00'"}, _STAMP),
    value_case("timestamp month 13", "malformed-timestamp", _TZ, "datetime", {1: "'2024-13-01 00:00:00'"}, _STAMP),
    value_case("timestamp word", "malformed-timestamp", "timestamp", "datetime", {1: "'yesterday'"}, _STAMP),
    value_case("time in a datetime column", "malformed-timestamp", _TZ, "datetime", {1: "'10:00:00'"}, _STAMP),
    value_case("Unix time as text", "malformed-timestamp", _TZ, "text", {1: "'1704067200.5'"}, _STAMP),
    value_case("timestamp 24:00:01", "malformed-timestamp", _TZ, "datetime", {1: "'2024-01-31 24:00:01'"}, _STAMP),
    value_case("Unix time in a datetime column", "wrong-storage-class", _TZ, "datetime", {1: "1704067200"}, _STAMP),
    value_case("milliseconds in a datetime column", "wrong-storage-class", _TZ, "datetime", {1: "1704067200000"}),
    value_case("Julian day in a datetime column", "wrong-storage-class", _TZ, "datetime", {1: "2460310.5"}, _STAMP),
    value_case("hour that was twice", "ambiguous-local-time", _TZ, "datetime",
               {1: "'2024-10-27 02:30:00'"}, "'2024-10-27 03:00:00'", time_zone="Europe/Paris"),
    value_case("hour that never was", "ambiguous-local-time", _TZ, "datetime",
               {1: "'2024-03-10 02:30:00'"}, "'2024-03-10 03:00:00'", time_zone="America/New_York"),
    value_case("duration as text", "wrong-storage-class", "interval", "bigint", {1: "'P1DT2H'"}, "93600000000"),
    value_case("duration beyond every calendar", "malformed-value", "interval", "bigint",
               {1: "9223372036854775807", 2: "-9190000000000000001"}, "9190000000000000000"),
    value_case("network with bits beyond its prefix", "invalid-inet", "cidr", "text", {1: "'10.0.0.1/8'"},
               "'10.0.0.0/8'"),
    value_case("duration with a fraction", "wrong-storage-class", "interval", "bigint", {1: "0.5"}, "-1"),
    # --- numbers with decimals
    value_case("numeric of too many digits", "numeric-overflow", "numeric(6, 2)", "decimal", {1: "10000"}, "9999.99"),
    value_case("numeric that rounds over", "numeric-overflow", "numeric(4, 2)", "decimal", {1: "99.999"}, "99.99"),
    value_case("numeric infinity", "numeric-overflow", "numeric(6, 2)", "decimal", {1: "9e999", 2: "-9e999"}, "0"),
    value_case("numeric as text with a comma", "wrong-storage-class", "numeric(6, 2)", "decimal", {1: "'1,5'"}, "1.5"),
    value_case("numeric empty text", "wrong-storage-class", "numeric(6, 2)", "decimal", {1: "''"}, "0.5"),
    value_case("numeric NaN as text", "wrong-storage-class", "numeric(6, 2)", "decimal", {1: "'NaN'"}, "1"),
    value_case("float as text", "wrong-storage-class", "double precision", "real", {1: "'abc'"}, "0.1"),
    value_case("float that 32 bits would round", "malformed-value", "real", "real", {1: "0.123456789"}, "0.5"),
    value_case("more digits than a real beside infinity", "malformed-value", "real", "real",
               {1: "3.123456789"}, "9e999"),
    value_case("numeric of more decimals", "numeric-rounded", "numeric(6, 2)", "decimal",
               {1: "1.005", 3: "0.001"}, "1.15", blocked=False),
    value_case("numeric of whole numbers with a half", "numeric-rounded", "numeric(6, 0)", "decimal",
               {1: "2.5"}, "3", blocked=False),
    *(
        []
        if django.VERSION >= (6, 1)
        else [
            value_case("whole numerics of 19 digits", "numeric-rounded", "numeric(19, 0)", "decimal",
                       {1: "9007199254740993", 2: "9223372036854775807"}, "999999999999999", blocked=False)
        ]
    ),
    # --- checks
    value_case("negative PositiveIntegerField", "check-constraint", "integer CHECK (v >= 0)", "integer",
               {1: "-1"}, "0",
               condition=Q(f1x__gte=0)),
    value_case("choice that is none", "check-constraint", "varchar(9) CHECK (v IN ('a', 'b'))", "varchar(9)",
               {1: "'c'"}, "'a'",
               condition=Q(f1x__in=["a", "b"])),
    value_case("date before the first", "check-constraint", "date CHECK (v >= '2000-01-01')", "date",
               {1: "'1999-12-31'"}, "'2000-01-01'",
               condition=Q(f1x__gte="2000-01-01")),
    value_case("number outside of two ranges", "check-constraint",
               "numeric(6, 2) CHECK (v < -1 OR v BETWEEN 1 AND 2.5)",
               "decimal", {1: "0", 2: "2.51"}, "2.5",
               condition=Q(f1x__lt=-1) | Q(f1x__range=(1, Decimal("2.5")))),
    value_case("years that are not in a row", "check-constraint",
               "varchar(9) CHECK (CASE WHEN v ~ '^[0-9]{4}-[0-9]{4}$'"
               " THEN substring(v, 6, 4)::integer = substring(v, 1, 4)::integer + 1 ELSE false END)", "varchar(9)",
               {1: "'2026-2031'", 2: "'2026/2027'", 3: "''"}, "'2026-2027'",
               condition=_YEARS),
    value_case("text that no simple pattern matches", "check-constraint", "varchar(9) CHECK (v ~ '^[A-Z]{3}[0-9]{3}$')",
               "varchar(9)", {1: "'AGV21'", 2: "'agv211'", 3: "'ÉGV211'", 4: "'AGV211' || char(10)"}, "'AGV211'",
               condition=Q(f1x__regex="^[A-Z]{3}[0-9]{3}$")),
    # --- JSON
    value_case("JSON with single quotes", "invalid-json", "jsonb", "text", {1: "'{''a'': 1}'"}, "'{\"a\": 1}'"),
    value_case("JSON NaN", "invalid-json", "jsonb", "text", {1: "'[NaN]'"}, "'[null]'"),
    value_case("JSON Infinity", "invalid-json", "jsonb", "text", {1: "'{\"a\": -Infinity}'"}, "'{}'"),
    value_case("JSON empty text", "invalid-json", "jsonb", "text", {1: "''"}, "'\"\"'"),
    value_case("JSON trailing comma", "invalid-json", "jsonb", "text", {1: "'[1,]'"}, "'[1]'"),
    value_case("JSON with NUL behind it", "invalid-json", "jsonb", "text", {1: "'[1]' || char(0)"}, "'[1]'"),
    value_case("JSON escape of NUL", "json-escape", "jsonb", "text", {1: "'[\"\\u0000\"]'"}, "'[\"\\\\u0000\"]'"),
    value_case("JSON escape of NUL in a key", "json-escape", "jsonb", "text", {1: "'{\"a\\u0000\": 1}'"}),
    value_case("JSON lone surrogate", "json-escape", "jsonb", "text", {1: "'\"\\ud83d\"'"}, "'\"\\ud83d\\ude00\"'"),
    value_case("JSON surrogates in reverse", "json-escape", "jsonb", "text", {1: "'\"\\ude00\\ud83d\"'"}),
    value_case("JSON number of too many digits", "json-escape", "jsonb", "text", {1: "'[1e200000]'"}, "'[1e-300]'"),
    value_case("JSON number beyond a double", "json-escape", "jsonb", "text", {1: "'[1e309]'"}, "'[1.5e-300]'"),
    value_case("JSON float that comes back as an integer", "json-number", "jsonb", "text",
               {1: "'[1e+23]'", 2: "'1e308'"}, "'[1.5, 1e-5]'", blocked=False),
    value_case("JSON zero that loses its sign", "json-number", "jsonb", "text", {1: "'{\"a\": -0.0}'"}, "'[0.0, -1.5]'",
               blocked=False),
    value_case("number in a JSON column", "wrong-storage-class", "jsonb", "", {1: "5"}, "'5'"),
    value_case("blob in a JSON column", "text-as-blob", "jsonb", "text", {1: "x'5b5d'"}, "'[]'"),
    # --- others
    value_case("uuid of words", "invalid-uuid", "uuid", "char(32)", {1: "'not-a-uuid'"}, "lower(hex(zeroblob(16)))"),
    value_case("uuid empty", "invalid-uuid", "uuid", "char(32)", {1: "''"}, "hex(zeroblob(16))"),
    value_case("uuid one digit short", "invalid-uuid", "uuid", "char(32)", {1: "substr(hex(zeroblob(16)), 2)"}),
    value_case("uuid with a letter g", "invalid-uuid", "uuid", "char(32)", {1: "'g' || substr(hex(zeroblob(16)), 2)"}),
    value_case("uuid as blob", "wrong-storage-class", "uuid", "char(32)", {1: "zeroblob(16)"}, "hex(zeroblob(16))"),
    value_case("address out of range", "invalid-inet", "inet", "char(39)", {1: "'999.1.1.1'", 2: "'1.2'"}, "'::1'"),
    value_case("address of words", "invalid-inet", "inet", "char(39)", {1: "'abc'", 2: "''", 3: "' ::1'"}, "'::1'"),
    value_case("address with leading zeros", "invalid-inet", "inet", "char(39)", {1: "'010.0.0.1'"}, "'10.0.0.1'"),
    value_case("address with a zone or a netmask", "invalid-inet", "inet", "char(39)",
               {1: "'fe80::1%eth0'", 2: "'10.0.0.1/255.0.0.0'", 3: "'10.0.0.1/33'"}, "'10.0.0.1/24'"),
    value_case("address of bytes that are no UTF-8", "invalid-inet", "inet", "char(39)", {1: "CAST(x'ff' AS TEXT)"}),
    value_case("address as a number", "wrong-storage-class", "inet", "", {1: "16909060"}, "'1.2.3.4'"),
    value_case("text in a binary column", "wrong-storage-class", "bytea", "BLOB", {1: "'text'"}, "x'00ff'"),
    value_case("number in a binary column", "wrong-storage-class", "bytea", "BLOB", {1: "1"}, "x''"),
    value_case("NULL in NOT NULL text", "null-in-not-null", "text NOT NULL", "text", {1: "NULL"}, "''"),
    value_case("NULL in NOT NULL integer", "null-in-not-null", "integer NOT NULL", "integer", {1: "NULL"}, "0"),
    value_case("NULL in NOT NULL date", "null-in-not-null", "date NOT NULL", "date", {1: "NULL"}, "'2024-01-31'"),
]  # fmt: skip
