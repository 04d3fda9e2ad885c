"""In: the name of a sentence and its values. Out: text for a person; also numbers, durations, sizes.

Every word that the report and the progress display say is in ``ENGLISH``, so that another language is another mapping.
A sentence is a ``str.format`` template; a pair is (one, many), chosen by ``n``. Whole numbers are grouped by thousands.
"""

from __future__ import annotations

from collections.abc import Mapping

ENGLISH: Mapping[str, str | tuple[str, str]] = {
    # countable things
    "rows": ("{n} row", "{n} rows"),
    "tables": ("{n} table", "{n} tables"),
    "cells": ("{n} cell", "{n} cells"),
    "errors": ("{n} error", "{n} errors"),
    "repaired_errors": ("{n} repaired", "{n} repaired"),
    "errors_aside": ("{n} set aside", "{n} set aside"),
    "warnings": ("{n} warning", "{n} warnings"),
    "cells_changed": ("{n} cell changed", "{n} cells changed"),
    "cells_changed_by": "{cells} by {edits} edits",
    "rows_quarantined": ("{n} row in quarantine", "{n} rows in quarantine"),
    "rows_merged": ("{n} row merged", "{n} rows merged"),
    "in_quarantine": "{n} in quarantine",
    "merged": "{n} merged",
    "differences": ("{n} difference", "{n} differences"),
    # the verdict
    "published": "Published: {rows} in {tables}, schema {schema}.",
    "rehearsed": "Rehearsed: {rows} in {tables} would be published. Nothing was.",
    "ready": "Ready: nothing was found that would stop this database from moving.",
    "verified": "Verified: {rows} in {tables} are as they were in SQLite.",
    "undone": "Undone: the tables that the publication replaced are back.",
    "undone_first": "Undone: the published tables were set aside; they had replaced none, so none are back.",
    "done": "Done.",
    "blocked": (
        "Blocked: {n} fault must be repaired or accepted first.",
        "Blocked: {n} faults must be repaired or accepted first.",
    ),
    "failed": "The run did not succeed.",
    "unpublished": "Nothing was published.",
    "published_before_failure": "This happened after the tables were published in schema {schema}.",
    "proven_cells": "Proven: {cells} compared one by one, no difference.",
    "proven_counts": "Row counts are equal on both sides; cells were not compared (--verify compares every one).",
    "proven_cells_mended": "Proven: {cells} compared one by one, no difference but what the repairs did.",
    "proven_counts_mended": "Every row is accounted for; cells were not compared (--verify compares every one).",
    "proven_orm": "Read by Django's ORM on both sides: {values} of {models}, no difference; {keys} led to their row.",
    "values": ("{n} value", "{n} values"),
    "models": ("{n} model", "{n} models"),
    "keys": ("{n} foreign key", "{n} foreign keys"),
    "accounted": "Accounted for: {source} in SQLite = {target} in PostgreSQL{aside}",
    "recomputed": "; {cells}, each recomputed by the proof",
    "not_compared": "; {cells}, each recomputed by the proof, but not compared with PostgreSQL (--verify does)",
    "unproven": "Not equal: {differences} in {tables}.",
    "repairs_accepted": (
        "{n} fault has a repair that was accepted with --fix.",
        "{n} faults have a repair that was accepted with --fix.",
    ),
    "asides_accepted": (
        "{n} fault has rows that were set aside with --quarantine.",
        "{n} faults have rows that were set aside with --quarantine.",
    ),
    "settled_with_others": (
        "{n} fault went with what was done for another one.",
        "{n} faults went with what was done for others.",
    ),
    "warnings_to_read": ("{n} warning is worth reading.", "{n} warnings are worth reading."),
    "replaced": "{tables} that stood there before are kept in schema {archive}.",
    "locked": "The application's tables were locked for {seconds}.",
    # headings
    "title": "SQLite to PostgreSQL",
    "next_steps": "What to do now",
    "findings": "Findings",
    "mended": "What was mended",
    "differences_title": "Differences",
    "stages": "Time",
    "tables_title": "Tables",
    "identities": "Next identity values",
    "publication": "Publication",
    "databases": "Databases",
    "versions": "Environment",
    "reproduce": "How to reproduce",
    # captions of tables
    "stages_caption": "Each stage, by its number in the bar, and when it ran.",
    "tables_caption": "The bar below a name shows its rows, against those of the largest table.",
    "samples_caption": "The first rows at fault",
    "cells_caption": "The first cells that were changed",
    "identities_caption": "The next value that each sequence gives: ids are never given twice.",
    "show_all": "Show all of them",
    # findings
    "error": "error",
    "warning": "warning",
    "repaired": "repaired",
    "aside": "set aside",
    "sample": "{key}: {value}",
    "more_rows": ("and {n} more row", "and {n} more rows"),
    "repair_offered": "--fix {rule} repairs this ({repair}).",
    "repair_accepted": "The repair was accepted with --fix {rule} ({repair}).",
    "quarantine_offered": "--quarantine {rule} sets these rows aside.",
    "set_aside": "These rows were set aside with --quarantine {rule}.",
    "rest_settled": "The rest of these rows were set aside, or mended for another of their faults.",
    "settled_by_others": "These rows were mended, or set aside, for another of their faults.",
    "aside_for_others": "Set aside: these rows went into quarantine for another of their faults.",
    "left_over": (
        "--fix {rule} changed {n} cell; it has nothing to put in place of what is left.",
        "--fix {rule} changed {n} cells; it has nothing to put in place of what is left.",
    ),
    "repair_lossless": "lossless",
    "repair_lossy": "lossy",
    "row": "Row",
    "value": "Value",
    # what was mended
    "only_the_copy": "The repairs were made on a copy; SQLite itself was not touched.",
    "cell_changed": "{key}: {old} -> {new}",
    "row_aside": "{key}: {reason}",
    "old": "In SQLite",
    "new": "In PostgreSQL",
    "more_cells": ("and {n} more cell", "and {n} more cells"),
    "more_in_files": "report.html and report.json show more of each.",
    "record_in_journal": "All of it, in SQLite's own values: {journal}",
    "record_in_target": "All of it is on the target too: tables {schema}.quarantine and {schema}.changed_cell.",
    "journal": "Journal of repairs",
    # differences
    "changed": "{key}: column {column} is not the same",
    "missing": "{key}: the row is missing in PostgreSQL",
    "extra": "{key}: the row is in PostgreSQL only",
    "unexplained": "{key}: the proof does not confirm what the record of the repairs says",
    "why": "Why",
    "recorded": "Recorded",
    "unexplained_cell": "{key}: the proof does not confirm what the record says of column {column}",
    "no_key": "row without a key",
    "null": "NULL",
    "no_row": "no row",
    "row_counts": "{source} in SQLite, {target} in PostgreSQL",
    "first_difference": "from character {position}: {source} / {target}",
    "more_differences": ("and {n} more difference", "and {n} more differences"),
    "kept_differences": "report.html and report.json show the first {n}",
    "identities_set": (
        "{n} identity goes on after the highest id ever given: report.html lists it.",
        "{n} identities go on after the highest id ever given: report.html lists them.",
    ),
    # columns of tables
    "table": "Table",
    "rows_column": "Rows",
    "quarantined_column": "Quarantined",
    "merged_column": "Merged",
    "changed_column": "Changed",
    "cells_column": "Cells",
    "cells_compared": "Cells compared",
    "differences_column": "Differ",
    "seconds_column": "Time",
    "stage": "Stage",
    "when": "When",
    "column": "Column",
    "next_value": "Next value",
    "total": "Total",
    "more_tables": (
        "and {n} more table, equal on both sides: report.html and report.json have it",
        "and {n} more tables, equal on both sides: report.html and report.json have them",
    ),
    # databases
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "source": "Source",
    "source_size": "{size}, {tables}, {rows}",
    "source_unchanged": "unchanged at the end of the run",
    "source_changed": "CHANGED during the run",
    "fingerprint": "SHA-256",
    "fingerprint_after": "SHA-256 after",
    "snapshot": "Snapshot kept",
    "target": "Target",
    "target_version": "PostgreSQL {version}, schema {schema}",
    "schema": "Schema",
    "published_tables": "Tables",
    "replaced_tables": "Replaced",
    "archive": "Kept in schema",
    "locked_time": "Locked for",
    "reproduce_command": "This run, without its password where it had one:",
    "reproduce_source": "The source's fingerprint, taken again by other means:",
    "private": "This page shows values from the database: keep it as private as the database.",
    "for_programs": "The same facts for programs: report.json.",
    # the doctor
    "healthy": "Healthy: {path}; {held}; nothing was found.",
    "healthy_with": "Healthy, but read on: {counts}.",
    "unhealthy": "Not healthy: {counts}.",
    "file": "File",
    "pages": "{journal_mode} journal, {encoding}, auto_vacuum {auto_vacuum}, {page_count} pages of {page_size} bytes,"
    " {free_pages} of them free; SQLite {version}",
    "beside": "Beside it",
    "nothing": "nothing",
    "open_in": "Open in",
    "holder": "process {pid} ({program})",
    "writer": "process {pid} ({program}), which holds the write lock",
    "no_holder": "no other process",
    "holders_hidden": "this system, or this user, is not shown every process: there may be others",
    "room": "Snapshot",
    "room_for_snapshot": "needs {needed}; {free} are free",
    "repaired_in_place": "Repaired: {place}: {what}.",
    "not_repaired": "Not repaired: {place}: {reason}.",
    "nothing_to_repair": "Nothing was repaired: none of the rules named was found.",
    "restored": "The backup was put back: the database is as it was.",
    "backup": "Backup",
    "repair_in_place": "To repair SQLite itself, a backup of it first: manage.py sqlite_doctor --repair {rules}",
    "fix_is_for_the_move": "--fix and --quarantine are options of migrate_to_pg: they mend what is moved, not SQLite.",
    # progress
    "stage_started": "{stage} ...",
    "stage_started_about": "{stage}: {message} ...",
    "stage_done": "{stage}: done in {seconds}",
    "stage_done_about": "{stage}: done in {seconds}: {message}",
    "stage_stopped": "{stage}: stopped after {seconds}",
    "progress": "{stage}: {done}{rate}",
    "progress_of": "{stage}: {done} of {total} ({percent} %){rate}",
    "of": "{done} / {total}",
    "per_second": "{amount}/s",
    "rows_per_second": "{amount} rows/s",
    "mark_done": "✓",
    "mark_stopped": "✗",
    "mark_done_ascii": "done",
    "mark_stopped_ascii": "stopped",
}

_BYTES_PER_STEP = 1024
#: Spaces that are no fault in text, though Python does not call them printable: French puts them before ? and :
_FRENCH_SPACES = "\u00a0\u202f"


def say(key: str, /, **values: object) -> str:
    """The sentence of that name with its values in place; ``n`` chooses between one and many."""
    entry = ENGLISH[key]
    text = entry if isinstance(entry, str) else entry[values.get("n") != 1]
    return text.format_map({name: number(v) if isinstance(v, int) else v for name, v in values.items()})


def number(value: int) -> str:
    """2070000 -> 2,070,000."""
    return f"{value:,}"


def duration(seconds: float) -> str:
    """0.314 -> 0.31 s, 125 -> 2 min 05 s."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def size(count: int) -> str:
    """209715200 -> 200.0 MiB."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < _BYTES_PER_STEP:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _BYTES_PER_STEP
    return f"{value:.1f} TiB"


def visible(text: str) -> str:
    r"""The text with everything that a terminal or a reader would not show made visible: ESC -> \x1b."""
    return "".join(c if c.isprintable() or c in _FRENCH_SPACES else ascii(c)[1:-1] for c in text)
