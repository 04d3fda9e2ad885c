"""Find rows that share a key which is unique on PostgreSQL.

SQLite lost the unique index, or never had it.
"""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from migrate_to_pg.i18n import N_, ngettext, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, Plan, PlannedColumn, PlannedTable, Sample, TargetUnique
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import SAMPLES, Offence, SetRule, Subject
from migrate_to_pg.rules.keys.duplicate_remedy import DECIDE, remedy
from migrate_to_pg.rules.keys.foreign_key_orphan import is_rowid
from migrate_to_pg.rules.malformed import TEXT_TYPES
from migrate_to_pg.rules.sql_keys import Key, fill_constraint, key_of
from migrate_to_pg.sqlite.sql import Sql, compose, join, name

_CASE = re.compile(r"\b(LOWER|UPPER)\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Search in SQLite for rows that break one unique constraint of one table."""

    table: PlannedTable
    unique: TargetUnique
    columns: list[PlannedColumn]
    #: The parts of the key that are columns, and no expressions.
    bare: list[PlannedColumn]
    key: Key
    #: The rows that the constraint concerns.
    where: Sql
    #: Key after folding the case of all of Unicode, as some locales do. None where case has no part in it.
    folded: Sql | None = None
    #: Whether SQLite's answer is certain to be PostgreSQL's.
    certain: bool = True

    @property
    def level(self) -> Level:
        """Error where every PostgreSQL finds the keys equal, warning where its locale or its functions decide."""
        return Level.ERROR if self.certain and (self.key.exact or not self.folded) else Level.WARNING


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each unique constraint of PostgreSQL that some rows break."""
    for table in subject.plan.tables:
        for search in searches(subject, table):
            # A unique index of SQLite leaves nothing to search for, where both databases compare alike.
            alike = search.key.plain and not search.unique.nulls_not_distinct
            if not (alike and has_unique_index(subject, table, search.columns)) and _may_repeat(subject, search):
                yield from _duplicates(subject, search)


def searches(subject: Subject, table: PlannedTable) -> Iterator[Search]:
    """Yield a search for each unique constraint of a table that SQLite can evaluate."""
    yield from filter(None, (_search(subject.plan, table, unique) for unique in table.target.uniques))


def offences(subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """Yield all rows of each key except the one with the lowest primary key."""
    for search in filter(lambda search: search.certain, searches(subject, table)):
        duplicates = compose(
            "{rowid} IN (SELECT removed FROM ({pairs}))", rowid=samples.rowid_of(table.source), pairs=pairs(search)
        )
        yield Offence(columns=tuple(search.columns), where=duplicates)


def pairs(search: Search) -> Sql:
    """Return a query of ``removed`` and ``kept``: the rowids of each removed row and of the first row with its key."""
    return compose(
        "SELECT removed, kept FROM (SELECT {rowid} AS removed,"
        " first_value({rowid}) OVER (PARTITION BY {key} ORDER BY {order}) AS kept"
        " FROM {table} WHERE {where}) WHERE removed <> kept",
        rowid=samples.rowid_of(search.table.source),
        key=search.key.same,
        order=_order(search),
        table=samples.numbered(search.table.source),
        where=search.where,
    )


def _order(search: Search) -> Sql:
    """Return the order in which the first row of a key is the one that stays."""
    primary = [name(column.source.name) for column in search.table.key]
    return join(", ", [*primary, samples.rowid_of(search.table.source)])


def left_to_postgresql(plan: Plan, table: PlannedTable) -> frozenset[str]:
    """Return the names of the constraints that only PostgreSQL can evaluate."""
    searched = ((unique.name, _search(plan, table, unique)) for unique in table.target.uniques)
    return frozenset(name for name, search in searched if search is None or not search.certain)


def _search(plan: Plan, table: PlannedTable, unique: TargetUnique) -> Search | None:
    """Return None where SQLite cannot evaluate the constraint: PostgreSQL does so when it restores it."""
    if not unique.predicate and not unique.expressions:
        columns = table.columns_named(unique.columns)
        key = key_of(columns) if columns else None
        if key is None:
            return None
        where = key.held_or_null if unique.nulls_not_distinct else key.held
        return Search(table=table, unique=unique, columns=columns, bare=columns, key=key, where=where)
    filled = fill_constraint(table, unique.sqlite, local_times=plan.local_times)
    columns = filled.columns if filled and unique.expressions else table.columns_named(unique.columns)
    key = key_of(columns) if columns else None
    if filled is None or key is None or not (filled.certain or plan.offline):
        return None
    held = key.held_or_null if unique.nulls_not_distinct or unique.expressions else key.held
    not_null = [] if unique.nulls_not_distinct else [compose("{p} IS NOT NULL", p=part) for part in filled.parts]
    search = Search(
        table=table,
        unique=unique,
        columns=columns,
        bare=_bare(table, unique) if unique.expressions else columns,
        key=key,
        where=join(" AND ", [held, filled.held_or_null, filled.condition, *not_null]),
        certain=filled.certain,
    )
    if not unique.expressions:
        return search
    same = join(", ", filled.parts)
    folded = Sql(_CASE.sub(r"pg_\1(", same))
    return dataclasses.replace(
        search,
        unique=dataclasses.replace(unique, columns=tuple(column.name for column in columns)),
        key=dataclasses.replace(key, same=same, plain=False),
        folded=folded if folded != same else None,
    )


def _bare(table: PlannedTable, unique: TargetUnique) -> list[PlannedColumn]:
    """Return the columns that are parts of a key of expressions by themselves."""
    written = unique.sqlite
    by_name = {name(n): column for n, column in zip(written.names, written.columns, strict=True)} if written else {}
    parts = (by_name.get(Sql(part.strip("()"))) for part in written.parts) if written else ()
    return table.columns_named(tuple(part for part in parts if part))


def _may_repeat(subject: Subject, search: Search) -> bool:
    """Return whether rows repeat those parts of the key that both databases compare alike.

    It is asked first because an index may have the answer. Equal keys are equal in each part.
    """
    keys = [key for key in (key_of([column]) for column in search.bare) if key and key.plain]
    if not keys:
        return True
    return bool(
        subject.number(
            compose(
                "SELECT EXISTS (SELECT 1 FROM {table} GROUP BY {same} HAVING count(*) > 1)",
                table=name(search.table.source.name),
                same=join(", ", (key.same for key in keys)),
            )
        )
    )


def has_unique_index(subject: Subject, table: PlannedTable, columns: list[PlannedColumn]) -> bool:
    """Check whether these columns, or some of them, are the rowid or have a unique index that is not partial."""
    if any(is_rowid(subject, table, [column]) for column in columns):
        return True
    wanted = {column.source.name.lower() for column in columns}
    indexes = Sql('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial')
    parts = Sql("SELECT name FROM pragma_index_xinfo(?) WHERE key")
    for (index,) in subject.rows(indexes, table.source.name):
        # An expression has no name.
        if {(part or "").lower() for (part,) in subject.rows(parts, index)} <= wanted:
            return True
    return False


def count_duplicates(subject: Subject, table: PlannedTable, unique: TargetUnique) -> int:
    """Count the rows that are too many under this constraint. Return 0 where only PostgreSQL can evaluate it."""
    search = _search(subject.plan, table, unique)
    return _count_duplicates(subject, search) if search else 0


def _count_duplicates(subject: Subject, search: Search) -> int:
    sql = compose(
        "SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM {table} WHERE {where} GROUP BY {key} HAVING count(*) > 1)",
        table=name(search.table.source.name),
        where=search.where,
        key=search.key.same,
    )
    try:
        return subject.number(sql)
    except sqlite3.OperationalError:
        if search.certain and search.key.same != search.folded:
            raise
        # A function fails for some value. Only PostgreSQL can evaluate its own function.
        return 0


def _duplicates(subject: Subject, search: Search) -> Iterator[Finding]:
    count = _count_duplicates(subject, search)
    if not count and search.folded:
        search = dataclasses.replace(search, key=dataclasses.replace(search.key, same=search.folded, exact=False))
        count = _count_duplicates(subject, search)
    if count:
        # Empty texts in the one text column are probably different things, which a merge would make one.
        is_text = len(search.columns) == 1 and search.columns[0].target.type_name in TEXT_TYPES
        where = compose(
            "({where}) AND {c} = '' COLLATE BINARY", where=search.where, c=name(search.columns[0].source.name)
        )
        empty = samples.count(subject, search.table.source, where) if is_text else 0
        empty = empty if empty > 1 else 0
        found = RULE.finding(
            level=search.level,
            table=search.table.name,
            column=", ".join(search.unique.columns),
            count=count,
            samples=_samples(subject, search),
            explanation=_explanation(subject, search, count, empty),
            remedy=remedy(search.table, search.columns, search.unique, empty),
        )
        yield found if search.certain else dataclasses.replace(found, quarantinable=False)


def _samples(subject: Subject, search: Search) -> list[Sample]:
    """List removed rows: the second of each of the most frequent keys, then the third of each, and so on.

    Beside each the row with its key that a repair keeps is named.
    """
    parts = {
        "rowid": samples.rowid_of(search.table.source),
        "table": samples.numbered(search.table.source),
        "where": search.where,
        "key": search.key.same,
        "order": _order(search),
    }
    most_frequent = compose(
        "SELECT min({rowid}), count(*) FROM {table} WHERE {where} GROUP BY {key} HAVING count(*) > 1"
        " ORDER BY 2 DESC, 1 LIMIT ?",
        **parts,
    )
    same_key = compose(
        "SELECT {rowid} FROM {table} WHERE {where}"
        " AND ({key}) IS (SELECT {key} FROM {table} WHERE {rowid} = ?) ORDER BY {order} LIMIT ?",
        **parts,
    )
    groups = []
    for first, count in subject.rows(most_frequent, SAMPLES):
        rowids = [rowid for (rowid,) in subject.rows(same_key, first, SAMPLES + 1)]
        sources = [column.source for column in search.columns]
        kept, *repeated = samples.samples(subject, search.table, sources, rowids)
        where = ", ".join(f"{column} = {value}" for column, value in kept.key.items())
        note = _(" ({rows}; {where} would stay)", rows=pluralize(count, "row", "rows"), where=where)
        width = samples.WIDTH - len(note)
        groups.append([Sample(key=s.key, value=samples.truncate(s.value, width) + note) for s in repeated])
    interleaved = chain.from_iterable(zip_longest(*groups))
    return list(islice((sample for sample in interleaved if sample), SAMPLES))


def _explanation(subject: Subject, search: Search, count: int, empty: int) -> str:
    unique = search.unique
    values = {"columns": ", ".join(unique.expressions or unique.columns), "predicate": unique.predicate}
    if unique.predicate:
        repeated = ngettext(
            "Among the rows with {predicate}, {n:,} row repeats a value of ({columns}) that another has already.",
            "Among the rows with {predicate}, {n:,} rows repeat a value of ({columns}) that another has already.",
            count,
            **values,
        )
    else:
        repeated = ngettext(
            "{n:,} row repeats a value of ({columns}) that another row has already.",
            "{n:,} rows repeat a value of ({columns}) that another row has already.",
            count,
            **values,
        )
    sentences = [repeated, _refusal(search), _cause(subject, search)]
    if empty:
        sentences.append(
            _(
                "{count:,} rows have the empty text in {column}. Probably their value is missing, and they are"
                " different things; a merge would make one row of them.",
                count=empty,
                column=search.columns[0].name,
            )
        )
    return " ".join(sentences)


def _refusal(search: Search) -> str:
    name, certain = search.unique.name, search.level is Level.ERROR
    if search.unique.primary and search.unique.named:
        return _("PostgreSQL would refuse the primary key {name}.", name=name)
    if search.unique.primary:
        return _("PostgreSQL would refuse the primary key.")
    if search.unique.named and certain:
        return _("PostgreSQL would refuse the unique constraint {name}.", name=name)
    if search.unique.named:
        return _("PostgreSQL may refuse the unique constraint {name}.", name=name)
    if certain:
        return _("PostgreSQL would refuse the unique constraint of the model.")
    return _("PostgreSQL may refuse the unique constraint of the model.")


def _cause(subject: Subject, search: Search) -> str:
    if not search.certain:
        return _(
            "SQLite computes these keys. PostgreSQL may compute others, with functions, collations and regular"
            " expressions of its own: a move tries each row on it."
        )
    if search.folded and not search.key.exact:
        return _(
            "They differ in letters beyond ASCII, whose case PostgreSQL's locale knows and SQLite's lower() and upper()"
            " do not: most locales find them equal, C does not. PostgreSQL decides when it makes the index: if it"
            " refuses, the run stops there and publishes nothing."
        )
    if search.unique.expressions:
        lost = _("SQLite's table has lost the index, or never had it.")
        beyond = _(
            "Letters beyond ASCII were compared as they are: keys that PostgreSQL's locale folds may repeat as well."
        )
        return f"{lost} {beyond}" if search.folded else lost
    if has_unique_index(subject, search.table, search.columns):
        return _("SQLite's own unique index finds these values different; PostgreSQL finds them equal.")
    return _(
        "SQLite's table has no unique index on these columns, or it would have refused them. A rebuild loses it: CREATE"
        " TABLE ... AS SELECT makes a table without keys, and after a RENAME the indexes stay with the renamed table."
    )


RULE = SetRule(
    id="duplicate-key",
    level=Level.ERROR,
    title=N_("Duplicates under a unique constraint"),
    meaning=(
        "PostgreSQL refuses the primary key or unique constraint. Values are compared as PostgreSQL will see them: text"
        " by its bytes even where SQLite's column is NOCASE, numbers by value, one instant in two spellings as one."
        " NULLs are distinct unless the constraint says otherwise. Django writes the conditions and the expressions of"
        " the models' constraints for SQLite. It is an error where both databases are certain to agree: conditions as"
        " check-constraint lists them, expressions made of lower, upper, trim, ltrim, rtrim and coalesce. Keys that"
        " differ only in the case of ASCII letters are an error, in that of other letters a warning, since PostgreSQL's"
        " locale decides. PostgreSQL itself evaluates any other condition or expression, and citext that differs by"
        " case alone, for each row, when a move restores the constraint or reports what prevents it. `--check`, which"
        " asks no server, gives a warning where SQLite finds rows that PostgreSQL may refuse, and does not know of"
        " constraints that no model has."
    ),
    remedy=DECIDE,
    repair="lossy",
    repair_name="merge-duplicates",
    repair_description=(
        "`--fix duplicate-key` does the same. Of the rows that share a key, the one with the lowest primary key stays."
        " Every row that refers to one of the others is pointed at it: foreign keys, many-to-many tables, generic keys."
        " The others are kept complete in the record, with the columns in which they differ from it. Nothing is merged"
        " where a row that refers to them could not follow, because its own primary key would have to change, nor under"
        " a constraint over an expression. A blocked run names the merge in the command that goes on only where it"
        " loses nothing: where all rows that it removes, those that refer to others included, differ from the one that"
        " stays in nothing but the primary key. Otherwise the command leaves the rows out by"
        " `--quarantine duplicate-key`, and the finding names the columns in which they differ."
    ),
    find=find,
    offences=offences,
)
