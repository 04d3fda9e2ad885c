"""Findings of the way back that stop nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, Sample, SourceTable
from migrate_to_pg.rules.base import Rule

EMPTY_ON_SQLITE = Rule(
    id="empty-on-sqlite",
    level=Level.WARNING,
    title=N_("Tables that only SQLite has"),
    meaning=(
        "The migrations make the table on SQLite alone, such as a full-text index with its own content: PostgreSQL has"
        " no rows for it, and it is made empty. Full-text tables that index another table (content=) are filled from"
        " it, and are not among these."
    ),
    remedy=N_("Fill it as the project does: by its triggers, by a command, or by manage.py rebuild_index."),
)

LEFTOVER_FORM = Rule(
    id="leftover-form",
    level=Level.WARNING,
    title=N_("Leftovers that do not come back as they were on SQLite"),
    meaning=(
        "A table that no migration makes comes back in its SQLite form, a column of several kinds of values as one"
        " again, where the kept snapshot tells that form and today's rows fit it. Any other comes back with"
        " PostgreSQL's columns, without its keys beyond the primary key, its indexes and AUTOINCREMENT. A view comes"
        " back as the view: the rows that it gave at the time of the move stay on PostgreSQL."
    ),
    remedy=N_("Look through the table in the new file before anything uses it; the kept snapshot has it as it was."),
)

NOT_COUNTED = Rule(
    id="not-counted",
    level=Level.WARNING,
    title=N_("Values and rows that are not among the changes since the publication"),
    meaning=(
        "--since-publish compares PostgreSQL with the snapshot of the publication. A column or a table that the"
        " snapshot does not have, such as one that a later migration made, has nothing to be compared with: what is"
        " written there is lost by going back to the old file, and is not among the rows that are counted as changed."
    ),
    remedy=N_("Make a new file, which has it, instead of going back to the old one."),
)

LEFT_IN_OLD_FILE = Rule(
    id="left-in-old-file",
    level=Level.WARNING,
    title=N_("What a rebuild could not make in the new file"),
    meaning=(
        "sqlite_doctor --rebuild makes what no migration makes by the statement that made it in the old file. SQLite"
        " refuses one that names what is not there any more, whose module or function it lacks here, or whose unique"
        " index the rows break. The old file has it as it was."
    ),
    remedy=N_("Make it in the new file by hand if the application needs it; the old file has its statement."),
)

SALVAGED = Rule(
    id="salvaged",
    level=Level.WARNING,
    title=N_("Rows of a damaged file that could not be read"),
    meaning=(
        "sqlite_doctor --rebuild --salvage copies what SQLite can read of a damaged file, row by row where a page is"
        " broken, and makes indexes anew. Where an index of the table can be read, it tells which rows there were;"
        " otherwise the rowids that cannot be read are counted, some of which may never have been a row's. A table"
        " WITHOUT ROWID is read from both ends up to the first row that cannot be read; of the rows between, those are"
        " copied that an index names."
    ),
    remedy=N_("Look for these rows in a backup; the damaged file is as it was."),
)

WRITTEN_OTHERWISE = Rule(
    id="written-otherwise",
    level=Level.WARNING,
    title=N_("Values that a rebuild writes in another form"),
    meaning=(
        "PostgreSQL keeps what a value means, not how SQLite had it written. sqlite_doctor --rebuild compares the new"
        " file with the old one once more, storage class and bytes, and gives each cell its old form from which Django"
        " reads the same. What a repair changed is not among these. Others keep the form in which Django's SQLite"
        " backend writes them: keys, columns of no model, columns whose type was another one in the old file, and"
        " values of which Django reads something else, such as a number of JSON with more digits than PostgreSQL has."
    ),
    remedy=N_("Compare the values shown if anything reads them without Django; the old file has them as they were."),
)

NOT_IN_NEW_FILE = Rule(
    id="not-in-new-file",
    level=Level.WARNING,
    title=N_("What the file that was moved had, and the new one has not"),
    meaning=(
        "The migrations make the new file of migrate_from_pg. A full-text or other virtual table, a view, a trigger or"
        " an index that somebody made by hand in the file that was moved is not in it. The snapshot that the"
        " publication kept tells which these are; where it is gone, a step of the report says that nothing tells."
    ),
    remedy=N_(
        "Run again with --schema snapshot, which makes what the file that was moved had, as long as no migration was"
        " applied since; or make it by hand: the kept snapshot has its statement."
    ),
)

BACK_NOTES = (
    EMPTY_ON_SQLITE, LEFTOVER_FORM, NOT_COUNTED, NOT_IN_NEW_FILE, LEFT_IN_OLD_FILE, SALVAGED, WRITTEN_OTHERWISE
)  # fmt: skip


def not_in_new_file(kind: str, name: str, table: str) -> Finding:
    """Return the finding about an object of the file that was moved."""
    explanation = _("{kind} {name} is not in the new file: no migration makes it.", kind=kind.upper(), name=name)
    return NOT_IN_NEW_FILE.finding(table=table, explanation=explanation)


def written_otherwise(table: str, column: str, count: int, samples: Sequence[Sample]) -> Finding:
    """Return the finding about cells of a column that the new file has in another form."""
    explanation = ngettext(
        "{n:,} cell has another form in the new file than in the old one.",
        "{n:,} cells have another form in the new file than in the old one.",
        count,
    )
    return WRITTEN_OTHERWISE.finding(table=table, column=column, count=count, samples=samples, explanation=explanation)


def key_written_otherwise(table: str, columns: str, count: int) -> Finding:
    """Return the finding about rows whose key the old file does not have in that form."""
    explanation = ngettext(
        "{n:,} row of the new file has its key in another form than the old one: its cells are not compared again.",
        "{n:,} rows of the new file have their key in another form than the old one: their cells are not compared"
        " again.",
        count,
    )
    return WRITTEN_OTHERWISE.finding(table=table, column=columns, count=count, explanation=explanation)


def nothing_salvaged(table: str, error: str) -> Finding:
    """Return the finding about a table whose own statement cannot be read."""
    explanation = _("Nothing of this table could be read. SQLite answers: {error}", error=error)
    return SALVAGED.finding(table=table, explanation=explanation)


def salvaged(table: str, count: int, keys: Sequence[Mapping[str, str]], *, known: bool, by_rowid: bool) -> Finding:
    """Return the finding about rows that could not be read.

    Args:
        table: its name.
        count: how many, or how many rowids.
        keys: the first of them.
        known: whether an index names them.
        by_rowid: whether the table has rowids. Without them and an index nothing tells how many rows there were.
    """
    lost = ngettext(
        "{n:,} row that an index names could not be read.", "{n:,} rows that an index names could not be read.", count
    )
    maybe = ngettext(
        "{n:,} rowid could not be read; no index tells whether it was a row's.",
        "{n:,} rowids could not be read; no index tells which were a row's.",
        count,
    )
    between = _(
        "The rows before the first that cannot be read are there, and those after the last. Nothing tells how many"
        " there were between."
    )
    return SALVAGED.finding(
        table=table,
        count=count,
        samples=[Sample(key=dict(key), value=_("unreadable")) for key in keys],
        explanation=lost if known else maybe if by_rowid else between,
    )


def left_in_old_file(kind: str, name: str, table: str, error: str) -> Finding:
    """Return the finding about an object that SQLite does not make in the new file."""
    explanation = _(
        "{kind} {name} is not in the new file. SQLite answers: {error}", kind=kind.upper(), name=name, error=error
    )
    return LEFT_IN_OLD_FILE.finding(table=table, explanation=explanation)


def made_empty(tables: Iterable[SourceTable], filled: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each table without a counterpart on PostgreSQL. ``filled`` are those that need none."""
    for table in tables:
        if table.kind in ("table", "virtual") and table.name not in filled:
            yield EMPTY_ON_SQLITE.finding(
                table=table.name, explanation=_("PostgreSQL has no such table: it is empty in the new file.")
            )


def leftover_with_postgresql_columns(table: str, column: str, reason: str) -> Finding:
    """Return the finding about a leftover table whose SQLite form is not known, or does not fit."""
    return LEFTOVER_FORM.finding(
        table=table,
        column=column,
        explanation=_("It comes back with PostgreSQL's columns and types. {reason}", reason=reason),
    )


def leftover_as_view(table: str) -> Finding:
    """Return the finding about the rows of a view."""
    return LEFTOVER_FORM.finding(
        table=table,
        explanation=_("It comes back as SQLite's view, which gives its rows anew; those of the move stay behind."),
    )


def column_not_counted(table: str, column: str, rows: int) -> Finding:
    """Return the finding about the values of a column that only PostgreSQL has."""
    explanation = ngettext(
        "Only PostgreSQL has this column: its {n:,} value is not compared, nor counted as a change.",
        "Only PostgreSQL has this column: its {n:,} values are not compared, nor counted as changes.",
        rows,
    )
    return NOT_COUNTED.finding(table=table, column=column, count=rows, explanation=explanation)


def table_not_counted(table: str, rows: int) -> Finding:
    """Return the finding about the rows of a table that only PostgreSQL has."""
    explanation = ngettext(
        "Only PostgreSQL has this table: its {n:,} row is not counted as added.",
        "Only PostgreSQL has this table: its {n:,} rows are not counted as added.",
        rows,
    )
    return NOT_COUNTED.finding(table=table, count=rows, explanation=explanation)
