"""Guard the verified schemas against changes by other sessions, from before the first read to the commit.

Locks stop writers and DDL on the tables, but not readers. GRANT, setval, ALTER TYPE, CREATE OR REPLACE FUNCTION and
event triggers do not wait for these locks. They are found by the catalogue: its rows for all objects that are to be
published are read when the locks were granted, and again in the publishing transaction when every object was moved.
From then on PostgreSQL lets no other session change them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.publish.transaction import LOCK_TIMEOUT_SECONDS, lock_error

Connection = psycopg.Connection[Any]

# One line for each catalogue and object that has rows in it. A move changes catalogue rows that name the schema: their
# other columns are compared. Of all other rows the number of the transaction that wrote them is compared, whatever
# columns they have in this version. Objects and functions are identified by oid, which a move does not change.
_FACTS = """
WITH relation AS (
    SELECT oid, relkind FROM pg_class WHERE oid = ANY (%(relations)s::oid[])
), fact (what, class, object, line) AS (
    SELECT 'definition', 'pg_class'::regclass, oid,
           concat_ws(' ', c.relname, c.relkind, c.relowner, c.relacl::text, c.reloptions::text, c.relpersistence,
                     c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.reltablespace, c.relam, c.relnatts,
                     c.relispopulated, c.relispartition, c.relhasrules)
    FROM pg_class c JOIN relation USING (oid)
    -- Foreign keys are validated while the locks are held.
    UNION ALL SELECT 'constraint', 'pg_class', conrelid, (to_jsonb(k) - '{connamespace,convalidated}'::text[])::text
              FROM pg_constraint k JOIN relation r ON r.oid = conrelid
    UNION ALL SELECT 'statistics', 'pg_class', stxrelid, (to_jsonb(s) - 'stxnamespace')::text
              FROM pg_statistic_ext s JOIN relation r ON r.oid = stxrelid
    UNION ALL SELECT 'definition', 'pg_proc', oid, (to_jsonb(p) - 'pronamespace')::text FROM pg_proc p
              WHERE oid = ANY (%(routines)s::oid[])
    UNION ALL SELECT 'definition', 'pg_type', oid, concat_ws(' ', typname, typowner, typacl::text, typnotnull,
                     typbasetype, typtypmod, typdefault, typcollation) FROM pg_type
              WHERE oid = ANY (%(types)s::oid[])
    UNION ALL SELECT 'constraint', 'pg_type', contypid, (to_jsonb(k) - 'connamespace')::text FROM pg_constraint k
              WHERE contypid = ANY (%(types)s::oid[])
    UNION ALL SELECT 'column', 'pg_class', attrelid, concat(attnum, ' ', a.xmin)
              FROM pg_attribute a JOIN relation r ON r.oid = attrelid WHERE attnum > 0
    UNION ALL SELECT 'default', 'pg_class', adrelid, concat(d.oid, ' ', d.xmin)
              FROM pg_attrdef d JOIN relation r ON r.oid = adrelid
    UNION ALL SELECT 'index', 'pg_class', indrelid, concat(indexrelid, ' ', i.xmin)
              FROM pg_index i JOIN relation r ON r.oid = indrelid
    UNION ALL SELECT 'trigger', 'pg_class', tgrelid, concat(g.oid, ' ', g.xmin)
              FROM pg_trigger g JOIN relation r ON r.oid = tgrelid
    UNION ALL SELECT 'rule', 'pg_class', ev_class, concat(w.oid, ' ', w.xmin)
              FROM pg_rewrite w JOIN relation r ON r.oid = ev_class
    UNION ALL SELECT 'policy', 'pg_class', polrelid, concat(p.oid, ' ', p.xmin)
              FROM pg_policy p JOIN relation r ON r.oid = polrelid
    UNION ALL SELECT 'sequence', 'pg_class', seqrelid, concat(s.xmin)
              FROM pg_sequence s JOIN relation r ON r.oid = seqrelid
    UNION ALL SELECT 'inheritance', 'pg_class', inhparent, concat(inhrelid, ' ', h.xmin)
              FROM pg_inherits h JOIN relation r ON r.oid = inhparent
    UNION ALL SELECT 'publication', 'pg_class', prrelid, concat(p.oid, ' ', p.xmin)
              FROM pg_publication_rel p JOIN relation r ON r.oid = prrelid
    UNION ALL SELECT 'value', 'pg_type', enumtypid, concat(oid, ' ', e.xmin)
              FROM pg_enum e WHERE enumtypid = ANY (%(types)s::oid[])
    UNION ALL SELECT 'comment', classoid::regclass, objoid, concat(objsubid, ' ', d.xmin) FROM pg_description d
              WHERE (classoid = 'pg_class'::regclass AND objoid = ANY (%(relations)s::oid[]))
                 OR (classoid = 'pg_proc'::regclass AND objoid = ANY (%(routines)s::oid[]))
                 OR (classoid = 'pg_type'::regclass AND objoid = ANY (%(types)s::oid[]))
    UNION ALL SELECT 'definition', 'pg_collation', oid, (to_jsonb(c) - 'collnamespace')::text FROM pg_collation c
              WHERE oid = ANY (%(collations)s::oid[])
    UNION ALL SELECT 'definition', 'pg_conversion', oid,
              concat_ws(' ', to_jsonb(c) - ARRAY['connamespace', 'conproc'], conproc::oid)
              FROM pg_conversion c
              WHERE oid = ANY (%(conversions)s::oid[])
    UNION ALL SELECT 'definition', 'pg_operator', oid,
              concat_ws(' ', to_jsonb(o) - ARRAY['oprnamespace', 'oprcode', 'oprrest', 'oprjoin'],
                        oprcode::oid, oprrest::oid, oprjoin::oid)
              FROM pg_operator o
              WHERE oid = ANY (%(operators)s::oid[])
    UNION ALL SELECT 'definition', 'pg_opclass', oid, (to_jsonb(o) - 'opcnamespace')::text FROM pg_opclass o
              WHERE oid = ANY (%(classes)s::oid[])
    UNION ALL SELECT 'definition', 'pg_opfamily', oid, (to_jsonb(o) - 'opfnamespace')::text FROM pg_opfamily o
              WHERE oid = ANY (%(families)s::oid[])
    UNION ALL SELECT 'operator', 'pg_opfamily', amopfamily, concat(oid, ' ', o.xmin) FROM pg_amop o
              WHERE amopfamily = ANY (%(families)s::oid[])
    UNION ALL SELECT 'function', 'pg_opfamily', amprocfamily, concat(oid, ' ', f.xmin) FROM pg_amproc f
              WHERE amprocfamily = ANY (%(families)s::oid[])
    UNION ALL SELECT 'definition', 'pg_ts_config', oid, (to_jsonb(t) - 'cfgnamespace')::text FROM pg_ts_config t
              WHERE oid = ANY (%(configurations)s::oid[])
    UNION ALL SELECT 'mapping', 'pg_ts_config', mapcfg, concat_ws(' ', maptokentype, mapseqno, m.xmin)
              FROM pg_ts_config_map m WHERE mapcfg = ANY (%(configurations)s::oid[])
    UNION ALL SELECT 'definition', 'pg_ts_dict', oid, (to_jsonb(t) - 'dictnamespace')::text FROM pg_ts_dict t
              WHERE oid = ANY (%(dictionaries)s::oid[])
    UNION ALL SELECT 'definition', 'pg_ts_parser', oid,
              concat_ws(' ', to_jsonb(t) - ARRAY['prsnamespace', 'prsstart', 'prstoken', 'prsend', 'prsheadline',
                                                 'prslextype'],
                        prsstart::oid, prstoken::oid, prsend::oid, prsheadline::oid, prslextype::oid)
              FROM pg_ts_parser t
              WHERE oid = ANY (%(parsers)s::oid[])
    UNION ALL SELECT 'definition', 'pg_ts_template', oid,
              concat_ws(' ', to_jsonb(t) - ARRAY['tmplnamespace', 'tmplinit', 'tmpllexize'],
                        tmplinit::oid, tmpllexize::oid)
              FROM pg_ts_template t
              WHERE oid = ANY (%(templates)s::oid[])
    UNION ALL SELECT 'event trigger', 'pg_event_trigger', e.oid, concat(e.xmin, ' ', p.xmin)
              FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
)
SELECT class::text, object::bigint, what, string_agg(line, E'\n' ORDER BY line) FROM fact GROUP BY 1, 2, 3
"""

_MEMBERS = """
SELECT ARRAY(SELECT oid FROM pg_class WHERE relnamespace = ANY (s.oids)) AS relations,
       ARRAY(SELECT oid FROM pg_proc WHERE pronamespace = ANY (s.oids)) AS routines,
       ARRAY(SELECT oid FROM pg_type WHERE typnamespace = ANY (s.oids)) AS types,
       ARRAY(SELECT oid FROM pg_collation WHERE collnamespace = ANY (s.oids)) AS collations,
       ARRAY(SELECT oid FROM pg_conversion WHERE connamespace = ANY (s.oids)) AS conversions,
       ARRAY(SELECT oid FROM pg_operator WHERE oprnamespace = ANY (s.oids)) AS operators,
       ARRAY(SELECT oid FROM pg_opclass WHERE opcnamespace = ANY (s.oids)) AS classes,
       ARRAY(SELECT oid FROM pg_opfamily WHERE opfnamespace = ANY (s.oids)) AS families,
       ARRAY(SELECT oid FROM pg_ts_config WHERE cfgnamespace = ANY (s.oids)) AS configurations,
       ARRAY(SELECT oid FROM pg_ts_dict WHERE dictnamespace = ANY (s.oids)) AS dictionaries,
       ARRAY(SELECT oid FROM pg_ts_parser WHERE prsnamespace = ANY (s.oids)) AS parsers,
       ARRAY(SELECT oid FROM pg_ts_template WHERE tmplnamespace = ANY (s.oids)) AS templates
FROM (SELECT ARRAY(SELECT oid FROM pg_namespace WHERE nspname = ANY (%s)) AS oids) AS s
"""

_TABLES = """
SELECT oid::bigint, oid::regclass::text FROM pg_class WHERE oid = ANY (%s::oid[]) AND relkind IN ('r', 'p')
ORDER BY pg_class.oid
"""
_SEQUENCES = "SELECT oid::bigint, oid::regclass::text FROM pg_class WHERE oid = ANY (%s::oid[]) AND relkind = 'S'"

_SEQUENCES_PER_QUERY = 200

# Rows that this transaction wrote or tried to write. An event trigger runs in it, so no lock stops it.
_WRITTEN = """
SELECT relid::bigint, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_all_tables WHERE relid = ANY (%s::oid[])
"""
_FILENODES = """
SELECT oid::bigint, pg_relation_filenode(oid)::bigint FROM pg_class
WHERE oid = ANY (%s::oid[]) AND relkind IN ('r', 'm')
"""

# Changes by this transaction (privileges, owners) are intended. The lines are those of _FACTS.
_FOREIGN_COLUMN_CHANGES = """
SELECT attrelid::bigint, concat(attnum, ' ', xmin) FROM pg_attribute
WHERE attrelid = ANY (%s::oid[]) AND attnum > 0 AND xmin <> pg_current_xact_id()::xid
"""

#: The oids of all objects of the locked schemas, by kind.
Members = dict[str, frozenset[int]]
#: The lines of _FACTS by catalogue, oid and what they describe.
Facts = dict[tuple[str, int, str], str]

#: In the order of the columns of _MEMBERS.
_CATALOGUES = {
    "relations": "pg_class",
    "routines": "pg_proc",
    "types": "pg_type",
    "collations": "pg_collation",
    "conversions": "pg_conversion",
    "operators": "pg_operator",
    "classes": "pg_opclass",
    "families": "pg_opfamily",
    "configurations": "pg_ts_config",
    "dictionaries": "pg_ts_dict",
    "parsers": "pg_ts_parser",
    "templates": "pg_ts_template",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSchemas:
    """Locked schemas with the state of the catalogue when they were locked."""

    connection: Connection
    #: Closing it ends the transaction.
    transaction: ExitStack
    schemas: tuple[str, ...]
    #: Keys are those of _CATALOGUES.
    members: Members
    facts: Facts

    def check_members(self) -> None:
        """Raise PublishError if an object was created or dropped since. Call it before anything is moved."""
        now = _members(self.connection, self.schemas)
        added = [(kind, oid) for kind, oids in now.items() for oid in oids if oid not in self.members[kind]]
        if now != self.members:
            labels = [_label(self.connection, _CATALOGUES[kind], oid) for kind, oid in added]
            raise _changed(labels or [_("something was dropped")])

    def check_facts(self) -> None:
        """Raise PublishError if the catalogue describes any object differently, wherever it was moved since."""
        now = _facts(self.connection, self.members)
        changed = sorted(key for key in self.facts.keys() | now.keys() if self.facts.get(key) != now.get(key))
        if changed:
            raise _changed([f"{_label(self.connection, name, oid)}: {what}" for name, oid, what in changed])

    def check_columns(self) -> None:
        """Raise PublishError if another session changed a column since, as GRANT does without a lock. Call it last."""
        relations = list(self.members["relations"])
        now = self.connection.execute(_FOREIGN_COLUMN_CHANGES, [relations]).fetchall()
        changed = [
            _("{table}: column", table=_label(self.connection, "pg_class", oid))
            for oid, line in now
            if line not in self.facts.get(("pg_class", oid, "column"), "").split("\n")
        ]
        if changed:
            raise _changed(list(dict.fromkeys(changed)))

    @contextmanager
    def forbid_writes(self) -> Iterator[None]:
        """Raise PublishError if a trigger writes rows, or rewrites a table, in this transaction."""
        before = self._rows()
        yield
        written = {oid for oid, _state in before ^ self._rows()}
        if written:
            names = [name for _oid, name in self.connection.execute(_TABLES, [list(written)]).fetchall()]
            raise PublishError(
                _("An event trigger wrote rows to {table} while it was published.", table=names[0]),
                detail=names,
                remedy=_(
                    "Nothing was published. Disable the event trigger while the database is moved (ALTER EVENT TRIGGER"
                    " ... DISABLE), then run again."
                ),
            )

    def _rows(self) -> set[tuple[int, int]]:
        tables = [list(self.members["relations"])]
        return {
            *self.connection.execute(_WRITTEN, tables).fetchall(),
            *self.connection.execute(_FILENODES, tables).fetchall(),
        }


def lock_schemas(connection: Connection, schemas: Sequence[str], transaction: ExitStack) -> LockedSchemas:
    """Begin a transaction that ends with ``transaction``, and lock every table of these schemas in it.

    EXCLUSIVE lets other sessions only read: no row is written, no table is altered, analyzed or added to a
    publication. Raises PublishError if the locks are not granted within LOCK_TIMEOUT_SECONDS.
    """
    transaction.enter_context(connection.transaction())
    connection.execute("SET LOCAL search_path = pg_catalog")
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_TIMEOUT_SECONDS}s")))
    relations = list(_members(connection, schemas)["relations"])
    tables = [name for _oid, name in connection.execute(_TABLES, [relations]).fetchall()]
    try:
        with connection.transaction():
            if tables:
                names = sql.SQL(", ").join(map(sql.SQL, tables))
                connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(names))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise lock_error(connection, relations, _("Verifying")) from error
    # Read again, because objects may have been created while we waited for the locks.
    members = _members(connection, schemas)
    facts = _facts(connection, members)
    return LockedSchemas(
        connection=connection, transaction=transaction, schemas=tuple(schemas), members=members, facts=facts
    )


def _members(connection: Connection, schemas: Sequence[str]) -> Members:
    row = connection.execute(_MEMBERS, [list(schemas)]).fetchone() or ((), (), ())
    return dict(zip(_CATALOGUES, map(frozenset, row), strict=True))


def _facts(connection: Connection, members: Members) -> Facts:
    parameters = {kind: list(oids) for kind, oids in members.items()}
    rows = connection.execute(_FACTS.encode(), parameters).fetchall()
    facts = {(name, oid, what): lines for name, oid, what, lines in rows}
    return facts | {("pg_class", oid, "next value"): state for oid, state in _next_values(connection, parameters)}


def _next_values(connection: Connection, parameters: dict[str, list[int]]) -> Iterator[tuple[int, str]]:
    sequences = connection.execute(_SEQUENCES, [parameters["relations"]]).fetchall()
    for start in range(0, len(sequences), _SEQUENCES_PER_QUERY):
        each = [
            sql.SQL("SELECT {}::bigint, last_value || ' ' || is_called FROM {}").format(sql.Literal(oid), sql.SQL(name))
            for oid, name in sequences[start : start + _SEQUENCES_PER_QUERY]
        ]
        yield from connection.execute(sql.SQL(" UNION ALL ").join(each)).fetchall()


def _label(connection: Connection, catalogue: str, oid: int) -> str:
    row = connection.execute("SELECT pg_describe_object(%s::regclass, %s, 0)", [catalogue, oid]).fetchone()
    return (row and row[0]) or _("something that is gone")


def _changed(labels: list[str]) -> PublishError:
    return PublishError(
        _("Somebody changed what was verified before it was published: {first}.", first=labels[0]),
        detail=labels,
        remedy=_(
            "Nothing was published. Look who else is connected to the database (pg_stat_activity) and may do that, then"
            " run again."
        ),
    )
