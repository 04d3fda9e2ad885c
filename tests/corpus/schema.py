"""Faults of the schema: keys to tables that are gone, columns and tables too many or too few, what is not moved."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q

from migrate_to_pg.records import SystemCheck
from tests.corpus import Case, Found
from tests.unit.rules.promising import check

_COURSE = "CREATE TABLE course (id bigint PRIMARY KEY, code varchar(9) NOT NULL UNIQUE)"
_COURSE_SQLITE = "CREATE TABLE course (id integer NOT NULL PRIMARY KEY, code varchar(9) NOT NULL UNIQUE);"
_RENAMED = f"""
    INSERT INTO course VALUES (1, 'AGV211'), (2, 'AGV212');
    ALTER TABLE course RENAME TO course_backup;
    {_COURSE_SQLITE}
    INSERT INTO course SELECT * FROM course_backup;
    DROP TABLE course_backup;
"""
_ENROLMENT = "(id {key} PRIMARY KEY, course_id bigint NOT NULL REFERENCES course (id))"
_T = "CREATE TABLE t (id bigint PRIMARY KEY, v text NULL{more})"
_T_SQLITE = "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v text NULL{more});"


def _children(*names: str) -> tuple[str, str]:
    target = "; ".join(f"CREATE TABLE {n} {_ENROLMENT.format(key='bigint')}" for n in names)
    source = " ".join(
        f"CREATE TABLE {n} {_ENROLMENT.format(key='integer NOT NULL')}; INSERT INTO {n} VALUES (1, 1), (2, 2);"
        for n in names
    )
    return f"{_COURSE}; {target}", f"{_COURSE_SQLITE} {source} {_RENAMED}"


def _dangling(name: str, *children: str, fix: bool = False) -> Case:
    target, source = _children(*children)
    return Case(
        name=name,
        target=target,
        source=source,
        finds=tuple(Found("dangling-foreign-key", child, "course_id") for child in children),
        blocked=not fix,
        fix=("dangling-foreign-key",) if fix else (),
    )


def _plain(name: str, source: str, *found: Found, more: str = "", target: str = "", **rest: Any) -> Case:
    """Table t of PostgreSQL's beside whatever SQLite has."""
    return Case(name=name, target=_T.format(more=more) + target, source=source, finds=found, **rest)


CASES = [
    _dangling("dangling key of one child", "enrolment"),
    _dangling("dangling keys of three children", "enrolment", "mark", "attribution"),
    _dangling("dangling key repaired", "enrolment", fix=True),
    _dangling("dangling keys of a many-to-many table repaired", "enrolment", "course_tags", fix=True),
    Case(
        name="dangling self reference",
        target="CREATE TABLE t (id bigint PRIMARY KEY, up_id bigint NULL REFERENCES t (id))",
        source="CREATE TABLE t (id integer NOT NULL PRIMARY KEY, up_id bigint NULL REFERENCES t_old (id));"
        " INSERT INTO t VALUES (1, NULL), (2, 1);",
        finds=(Found("dangling-foreign-key", "t", "up_id"),),
    ),
    Case(
        name="dangling key with orphans behind it",
        target=f"{_COURSE}; CREATE TABLE enrolment {_ENROLMENT.format(key='bigint')}",
        source=f"{_COURSE_SQLITE} CREATE TABLE enrolment {_ENROLMENT.format(key='integer NOT NULL')};"
        f" INSERT INTO enrolment VALUES (1, 1), (2, 9); {_RENAMED}",
        finds=(
            Found("dangling-foreign-key", "enrolment", "course_id"),
            Found("foreign-key-orphan", "enrolment", "course_id", 1, ("2",)),
        ),
        fix=("dangling-foreign-key",),
    ),
    # --- columns
    _plain("column that the migrations do not know",
           _T_SQLITE.format(more=", note text") + "INSERT INTO t VALUES (1, 'a', 'kept?'), (2, 'b', NULL);",
           Found("extra-column", "t", "note", 1, ("1",))),
    _plain("unknown column without values",
           _T_SQLITE.format(more=", note text") + "INSERT INTO t VALUES (1, 'a', NULL);",
           Found("extra-column", "t", "note"), blocked=False),
    _plain("column missing that has no default", _T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a');",
           Found("missing-column", "t", "n"), more=", n integer NOT NULL", unmendable=("t",)),
    _plain("text column missing that has no default", _T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a');",
           Found("missing-column", "t", "n"), more=", n text NOT NULL"),
    _plain("column missing that may be null", _T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a');",
           Found("missing-column", "t", "n"), more=", n integer NULL", blocked=False),
    _plain("NOT NULL lost", _T_SQLITE.format(more=", n integer") + "INSERT INTO t VALUES (1, 'a', 5);",
           Found("schema-drift", "t", "n"), more=", n integer NOT NULL", blocked=False),
    _plain("unique index lost with nothing twice",
           _T_SQLITE.format(more=", n integer") + "INSERT INTO t VALUES (1, 'a', 5);",
           Found("schema-drift", "t", "n"), more=", n integer UNIQUE", blocked=False),
    _plain("index lost", _T_SQLITE.format(more=", n integer") + "INSERT INTO t VALUES (1, 'a', 5);",
           Found("schema-drift", "t", "n"), more=", n integer", target="; CREATE INDEX t_n ON t (n)", blocked=False),
    _plain("index of two columns whose order was turned",
           _T_SQLITE.format(more=", n integer") + "CREATE INDEX t_n ON t (v, n); INSERT INTO t VALUES (1, 'a', 5);",
           Found("schema-drift", "t", "v, n"), more=", n integer", target="; CREATE INDEX t_n ON t (n, v)",
           blocked=False),
    _plain("index of long texts", _T_SQLITE.format(more="")
           + "CREATE INDEX t_v ON t (v); INSERT INTO t VALUES (1, 'a'), (2, hex(randomblob(8000)));",
           Found("btree-too-large", "t", "v", 1, ("2",)), target="; CREATE INDEX t_v ON t (v)"),
    _plain("index for LIKE of long texts", _T_SQLITE.format(more=", n integer NULL UNIQUE")
           + "INSERT INTO t VALUES (1, 'a', 1), (2, hex(randomblob(8000)), 2);",
           Found("btree-too-large", "t", "v", 1, ("2",)), more=", n integer NULL UNIQUE",
           target="; CREATE INDEX t_v_like ON t (v text_pattern_ops)"),
    _plain("integer column declared as text, with no rows", _T_SQLITE.format(more=", n varchar(20)"),
           Found("schema-drift", "t", "n"), more=", n integer NULL", blocked=False),
    _plain("table made by CREATE TABLE AS",
           _T_SQLITE.format(more="").replace("TABLE t", "TABLE o") + "INSERT INTO o VALUES (1, 'a'), (2, 'b');"
           " CREATE TABLE t AS SELECT * FROM o; DROP TABLE o;", Found("schema-drift", "t", "id"), blocked=False),
    _plain("foreign key lost", _T_SQLITE.format(more=", up_id bigint") + "INSERT INTO t VALUES (1, 'a', NULL);",
           Found("schema-drift", "t", "up_id"), more=", up_id bigint NULL REFERENCES t (id)", blocked=False),
    # --- what SQLite lacks
    _plain("virtual table of a module that nobody has",
           _T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a'); PRAGMA writable_schema = ON; INSERT INTO"
           " sqlite_master VALUES ('table', 's', 's', 0, 'CREATE VIRTUAL TABLE s USING nobodys(v)');",
           Found("lacking-in-sqlite", "s"), blocked=False),
    _plain("column by a collation that nobody has",
           _T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a'); PRAGMA writable_schema = ON; UPDATE"
           " sqlite_master SET sql = replace(sql, 'v text', 'v text COLLATE nobodys') WHERE name = 't';",
           Found("lacking-in-sqlite", "t", "v"), blocked=False),
    # --- tables
    _plain("backup table with rows",
           _T_SQLITE.format(more="") + "CREATE TABLE t_backup (id integer); INSERT INTO t_backup VALUES (1), (2);",
           Found("leftover-table", "t_backup", count=2), blocked=False),
    _plain("remains of an interrupted rebuild", _T_SQLITE.format(more="") + 'CREATE TABLE "new__t" (id integer);',
           Found("leftover-table", "new__t"), blocked=False),
    _plain("a full-text index",
           _T_SQLITE.format(more="") + "CREATE VIRTUAL TABLE s USING fts5(v); INSERT INTO s VALUES ('a'), ('b');",
           Found("leftover-table", "s", count=2), blocked=False),
    Case(
        name="end before start",
        target="CREATE TABLE t (id bigint PRIMARY KEY, a date, b date, CHECK (a <= b))",
        source="CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a date, b date); INSERT INTO t VALUES"
        " (1, '2024-01-01', '2024-01-02'), (2, '2024-01-02', '2024-01-01'), (3, NULL, '2024-01-01');",
        finds=(Found("check-constraint", "t", "a, b", 1, ("2",)),),
        constraint=check(Q(f1x__lte=F("f2x")), "t_check"),
    ),
    _plain("table that SQLite lacks", _T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a');",
           Found("missing-table", "u"), target="; CREATE TABLE u (id bigint PRIMARY KEY)", blocked=False),
    _plain("tables under another name",
           _T_SQLITE.format(more="") + "CREATE TABLE u_old (id integer NOT NULL PRIMARY KEY);",
           Found("missing-table", "u"), Found("missing-table", "w"), Found("leftover-table", "u_old"), blocked=False,
           target="; CREATE TABLE u (id bigint PRIMARY KEY); CREATE TABLE w (id bigint PRIMARY KEY)"),
    # --- the models
    Case(
        name="generated column that Django does not let PostgreSQL compute when it is read",
        target=_T.format(more=", n integer NULL"),
        source=_T_SQLITE.format(more=", n integer") + "INSERT INTO t VALUES (1, 'a', 2);",
        system_checks=(SystemCheck(id="fields.E221", object="app.T.n", message="no", table="t", column="n"),),
        finds=(Found("system-check", "t", "n"),),
    ),
    Case(
        name="what only an older server lacks",
        target=_T.format(more=""),
        source=_T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a');",
        system_checks=(SystemCheck(id="app.E001", object="app.T", message="no", table="t", assumed=18, until=14),),
        finds=(Found("system-check", "t"),),
        blocked=False,
    ),
    # --- the file
    _plain("text kept as UTF-16", "PRAGMA encoding = 'UTF-16le';" + _T_SQLITE.format(more="")
           + "INSERT INTO t VALUES (1, 'Thérèse');", Found("utf16-encoding", ""), blocked=False),
    _plain("text kept as UTF-16, the other end first", "PRAGMA encoding = 'UTF-16be';" + _T_SQLITE.format(more="")
           + "INSERT INTO t VALUES (1, char(128512));", Found("utf16-encoding", ""), blocked=False),
    _plain("two tables that claim one page", _T_SQLITE.format(more="") + "CREATE TABLE u (id integer NOT NULL"
           " PRIMARY KEY); INSERT INTO t VALUES (1, 'a'); PRAGMA writable_schema = ON;"
           " UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 't');",
           Found("integrity-check", "", "", 2), target="; CREATE TABLE u (id bigint PRIMARY KEY)"),
    _plain("index that claims its table's page", _T_SQLITE.format(more="") + "CREATE INDEX i ON t (v);"
           " INSERT INTO t VALUES (1, 'a'); PRAGMA writable_schema = ON;"
           " UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 't');",
           Found("integrity-check", "", "", 2)),
    # --- views and triggers
    _plain("a view of a table that is gone", _T_SQLITE.format(more="") + "CREATE VIEW names AS SELECT v FROM gone;",
           Found("broken-view-or-trigger", "names"), blocked=False),
    _plain("a view of a column that was renamed",
           _T_SQLITE.format(more="") + "CREATE VIEW names AS SELECT w AS v FROM t;",
           Found("broken-view-or-trigger", "names"), blocked=False),
    _plain("a trigger that writes to a table that is gone",
           _T_SQLITE.format(more="") + "INSERT INTO t VALUES (1, 'a');"
           " CREATE TRIGGER log AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.id); END;",
           Found("broken-view-or-trigger", "t"), blocked=False),
    _plain("a trigger on deletion that reads a column that is gone",
           _T_SQLITE.format(more="") + "CREATE TRIGGER log BEFORE DELETE ON t BEGIN SELECT old.w; END;",
           Found("broken-view-or-trigger", "t"), blocked=False),
    _plain("a view of SQLite's own", _T_SQLITE.format(more="") + "CREATE VIEW names AS SELECT v FROM t;",
           Found("not-carried", "names"), blocked=False),
    _plain("a trigger of SQLite's own",
           _T_SQLITE.format(more="") + "CREATE TRIGGER low AFTER INSERT ON t BEGIN UPDATE t SET v = lower(v); END;",
           Found("not-carried", "t"), blocked=False),
]  # fmt: skip
