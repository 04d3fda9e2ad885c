"""Faults of rows taken together: keys that are not unique, keys without a parent."""

from __future__ import annotations

from tests.corpus import Case, Found

_UUID = "5c0d5a8fb7b34f7c9a3f3ac7f9e0a4d1"
_DASHED = "5c0d5a8f-b7b3-4f7c-9a3f-3ac7f9e0a4d1"


def _twins(name: str, pg: str, sqlite: str, first: str, second: str, *, time_zone: str = "UTC") -> Case:
    """Two values that SQLite keeps apart and PostgreSQL does not, under SQLite's own unique index."""
    return Case(
        name=name,
        target=f"CREATE TABLE t (id bigint PRIMARY KEY, v {pg} UNIQUE)",
        source=f"CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v {sqlite} UNIQUE);"
        f" INSERT INTO t VALUES (1, {first}), (2, {second});",
        finds=(Found("duplicate-key", "t", "v", 1, ("2",)),),
        time_zone=time_zone,
    )


def _lost(name: str, constraint: str, columns: str, rows: str, found: Found, fix: tuple[str, ...] = ()) -> Case:
    """A table (id, a integer, b text) whose unique constraint SQLite has lost."""
    return Case(
        name=name,
        target=f"CREATE TABLE t (id bigint PRIMARY KEY, a integer, b varchar(9), c boolean); {constraint}",
        source="CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a integer NULL, b varchar(9) NULL, c bool NULL);"
        f" INSERT INTO t ({columns}) VALUES {rows};",
        finds=(found,),
        fix=fix,
    )


_PARENT = "CREATE TABLE parent (id bigint PRIMARY KEY, code varchar(9) UNIQUE)"
_PARENT_SQLITE = (
    "CREATE TABLE parent (id integer NOT NULL PRIMARY KEY, code varchar(9) UNIQUE);"
    " INSERT INTO parent VALUES (1, 'A'), (2, 'B');"
)


def _children(
    name: str, key: str, sqlite: str, rows: str, *found: Found, refers: str = "REFERENCES parent (id)"
) -> Case:
    """A child table whose rows refer to parents 1 ('A') and 2 ('B')."""
    return Case(
        name=name,
        target=f"{_PARENT}; CREATE TABLE child (id bigint PRIMARY KEY, parent_id {key} NULL {refers})",
        source=f"{_PARENT_SQLITE}"
        f" CREATE TABLE child (id integer NOT NULL PRIMARY KEY, parent_id {sqlite} NULL {refers});"
        f" INSERT INTO child VALUES {rows};",
        finds=found,
    )


CASES = [
    # --- equal on PostgreSQL alone
    _twins("uuid dashed and plain", "uuid", "char(32)", f"'{_UUID}'", f"'{_DASHED}'"),
    _twins("uuid in two cases", "uuid", "char(32)", f"'{_UUID}'", f"'{_UUID.upper()}'"),
    _twins("one day in two spellings", "date", "date", "'2024-01-05'", "'2024-1-5'"),
    _twins("one instant with and without offset", "timestamptz", "datetime", "'2024-01-01 10:00:00'",
           "'2024-01-01 12:00:00+02:00'"),
    _twins("one instant in local time", "timestamptz", "datetime", "'2024-07-01 12:00:00'",
           "'2024-07-01 10:00:00+00:00'", time_zone="Europe/Paris"),
    _twins("one timestamp with T and with a space", "timestamp", "datetime", "'2024-01-01 10:00:00'",
           "'2024-01-01T10:00:00.000000'"),
    _twins("one date in two spellings", "date", "date", "'2024-01-01'", "'2024-W01-1'"),
    _twins("one time in two spellings", "time", "time", "'10:00:00'", "'10:00'"),
    _twins("char with and without padding", "char(5)", "char(5)", "'ab'", "'ab '"),
    _twins("IPv6 in two spellings", "inet", "char(39)", "'2001:db8::1'", "'2001:0DB8:0:0::1'"),
    _twins("IPv4 mapped in two spellings", "inet", "char(39)", "'::ffff:10.0.0.1'", "'::ffff:a00:1'"),
    _twins("numbers that are one at 15 digits", "numeric(8, 2)", "decimal", "0.3", "0.30000000000000004"),
    # --- a lost unique index
    _lost("unique lost", "ALTER TABLE t ADD UNIQUE (b)", "id, b", "(1, 'x'), (2, 'x'), (3, 'y'), (4, NULL), (5, NULL)",
          Found("duplicate-key", "t", "b", 1, ("2",))),
    _lost("one code eighteen times", "ALTER TABLE t ADD UNIQUE (b)", "id, b",
          ", ".join(f"({n}, 'x')" for n in range(1, 19)),
          Found("duplicate-key", "t", "b", 17, ("2", "3", "4", "5", "6"))),
    _lost("unique together lost", "ALTER TABLE t ADD UNIQUE (a, b)", "id, a, b",
          "(1, 1, 'x'), (2, 1, 'x'), (3, 1, 'y'), (4, NULL, 'x'), (5, NULL, 'x')",
          Found("duplicate-key", "t", "a, b", 1, ("2",))),
    _lost("conditional unique", "CREATE UNIQUE INDEX few ON t (a) WHERE c", "id, a, c",
          "(1, 1, 1), (2, 1, 0), (3, 1, 1), (4, 1, NULL)", Found("duplicate-key", "t", "a", 1, ("3",))),
    _lost("conditional unique on null", "CREATE UNIQUE INDEX few ON t (a) WHERE b IS NULL", "id, a, b",
          "(1, 1, NULL), (2, 1, 'x'), (3, 1, NULL)", Found("duplicate-key", "t", "a", 1, ("3",))),
    _lost("nulls not distinct", "CREATE UNIQUE INDEX few ON t (a) NULLS NOT DISTINCT", "id, a", "(1, NULL), (2, NULL)",
          Found("duplicate-key", "t", "a", 1, ("2",))),
    _lost("unique in any case", "CREATE UNIQUE INDEX few ON t (lower(b))", "id, b",
          "(1, 'AGV211'), (2, 'agv211'), (3, 'Agv212'), (4, NULL), (5, NULL)",
          Found("duplicate-key", "t", "b", 1, ("2",))),
    _lost("unique in any case, which nothing merges", "CREATE UNIQUE INDEX few ON t (upper(b))", "id, b",
          "(1, 'x'), (2, 'X')", Found("duplicate-key", "t", "b", 1, ("2",)), ("duplicate-key",)),
    _lost("unique without blanks, together with a number", "CREATE UNIQUE INDEX few ON t (trim(b), coalesce(a, 0))",
          "id, a, b", "(1, 0, 'x'), (2, NULL, ' x'), (3, 1, 'x ')", Found("duplicate-key", "t", "b, a", 1, ("2",))),
    Case(
        name="primary key lost by CREATE TABLE AS",
        target="CREATE TABLE t (id bigint PRIMARY KEY, b varchar(9))",
        source="""
            CREATE TABLE old (id integer NOT NULL PRIMARY KEY, b varchar(9));
            INSERT INTO old VALUES (1, 'a'), (2, 'b');
            CREATE TABLE t AS SELECT * FROM old;
            DROP TABLE old;
            INSERT INTO t VALUES (2, 'c');
        """,
        finds=(Found("duplicate-key", "t", "id", 1, ("2",)),),
    ),
    # --- keys without a parent
    _children("parent deleted", "bigint", "bigint", "(1, 1), (2, 9), (3, NULL)",
              Found("foreign-key-orphan", "child", "parent_id", 1, ("2",)), refers="REFERENCES parent (id)"),
    _children("zero for no parent", "bigint", "bigint", "(1, 0), (2, 0), (3, 2)",
              Found("foreign-key-orphan", "child", "parent_id", 2, ("1", "2"))),
    _children("parent by another case of its code", "varchar(9)", "varchar(9)", "(1, 'A'), (2, 'a')",
              Found("foreign-key-orphan", "child", "parent_id", 1, ("2",)), refers="REFERENCES parent (code)"),
    _children("empty text for no parent", "varchar(9)", "varchar(9)", "(1, 'A'), (2, '')",
              Found("empty-key", "child", "parent_id", 1, ("2",)), refers="REFERENCES parent (code)"),
    _children("empty text in a nullable integer key", "bigint", "bigint", "(1, 1), (2, '')",
              Found("empty-key", "child", "parent_id", 1, ("2",))),
    _children("empty texts beside words and a parent that is gone", "bigint", "bigint",
              "(1, 1), (2, ''), (3, 'nobody'), (4, 9), (5, '')",
              Found("empty-key", "child", "parent_id", 2, ("2", "5")),
              Found("wrong-storage-class", "child", "parent_id", 1, ("3",)),
              Found("foreign-key-orphan", "child", "parent_id", 1, ("4",))),
    Case(
        name="empty text in a nullable uuid key",
        target="CREATE TABLE p (id uuid PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, v uuid NULL"
        " REFERENCES p (id))",
        source="CREATE TABLE p (id char(32) NOT NULL PRIMARY KEY); CREATE TABLE t (id integer NOT NULL PRIMARY KEY,"
        f" v char(32) NULL REFERENCES p (id)); INSERT INTO p VALUES ('{_UUID}');"
        f" INSERT INTO t VALUES (1, '{_UUID}'), (2, ''), (3, 'no uuid'), (4, NULL);",
        finds=(Found("empty-key", "t", "v", 1, ("2",)), Found("invalid-uuid", "t", "v", 1, ("3",))),
    ),
    # --- codes where ids belong
    _children("codes where ids belong", "bigint", "varchar(20)", "(1, 'A'), (2, 'B')",
              Found("code-in-key", "child", "parent_id", 2, ("1", "2"))),
    _children("codes, ids as text, words and NULL in one key", "bigint", "varchar(20)",
              "(1, 'A'), (2, '2'), (3, 'x'), (4, NULL), (5, ''), (6, x'00')",
              Found("code-in-key", "child", "parent_id", 3, ("1", "2", "3")),
              Found("empty-key", "child", "parent_id", 1, ("5",)),
              Found("wrong-storage-class", "child", "parent_id", 1, ("6",))),
    _children("ids written as text", "bigint", "varchar(20)", "(1, 1), (2, 2)",
              Found("wrong-storage-class", "child", "parent_id", 2, ("1", "2"))),
    Case(
        name="self reference to a row that is gone",
        target="CREATE TABLE t (id bigint PRIMARY KEY, up_id bigint NULL REFERENCES t (id))",
        source="CREATE TABLE t (id integer NOT NULL PRIMARY KEY, up_id bigint NULL REFERENCES t (id));"
        " INSERT INTO t VALUES (1, NULL), (2, 1), (3, 7);",
        finds=(Found("foreign-key-orphan", "t", "up_id", 1, ("3",)),),
    ),
    Case(
        name="many-to-many rows on both sides gone",
        target=f"{_PARENT}; CREATE TABLE other (id bigint PRIMARY KEY); CREATE TABLE link (id bigint PRIMARY KEY,"
        " parent_id bigint REFERENCES parent (id), other_id bigint REFERENCES other (id))",
        source=f"{_PARENT_SQLITE} CREATE TABLE other (id integer NOT NULL PRIMARY KEY); INSERT INTO other VALUES (5);"
        " CREATE TABLE link (id integer NOT NULL PRIMARY KEY, parent_id bigint REFERENCES parent (id),"
        " other_id bigint REFERENCES other (id)); INSERT INTO link VALUES (1, 1, 5), (2, 8, 5), (3, 2, 6);",
        finds=(
            Found("foreign-key-orphan", "link", "parent_id", 1, ("2",)),
            Found("foreign-key-orphan", "link", "other_id", 1, ("3",)),
        ),
    ),
]  # fmt: skip
