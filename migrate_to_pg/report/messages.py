"""In: the name of a sentence and its values. Out: text for a person; also numbers, durations, sizes.

Every word that the report and the progress display say is in ``ENGLISH``; other languages are catalogues of gettext.
A sentence is a ``str.format`` template; a pair is (one, many), chosen by ``n``. Whole numbers are grouped by thousands.
"""

from __future__ import annotations

from collections.abc import Mapping

from migrate_to_pg.i18n import N_, duration, gettext, ngettext, number, size

__all__ = ["ENGLISH", "STAGES", "duration", "pair", "say", "size", "stage_name", "visible"]


def pair(one: str, many: str) -> tuple[str, str]:
    """What is said of one, and of any other number."""
    return one, many


ENGLISH: Mapping[str, str | tuple[str, str]] = {
    "named": N_("{name}: "),
    "then": N_("; "),
    # countable things
    "rows": pair("{n} row", "{n} rows"),
    "tables": pair("{n} table", "{n} tables"),
    "cells": pair("{n} cell", "{n} cells"),
    "errors": pair("{n} error", "{n} errors"),
    "repaired_errors": pair("{n} repaired", "{n} repaired"),
    "errors_aside": pair("{n} left out", "{n} left out"),
    "warnings": pair("{n} warning", "{n} warnings"),
    "cells_changed": pair("{n} cell changed", "{n} cells changed"),
    "lost_to_quarantine": pair(
        "; {n} of them since the row that it refers to is in quarantine",
        "; {n} of them since the rows that they refer to are in quarantine",
    ),
    "edits": pair("{n} edit", "{n} edits"),
    "cells_changed_by": N_("{cells} by {edits}"),
    "rows_quarantined": pair("{n} row in quarantine", "{n} rows in quarantine"),
    "rows_merged": pair("{n} row merged", "{n} rows merged"),
    "in_quarantine": N_("{n} in quarantine"),
    "merged": N_("{n} merged"),
    "differences": pair("{n} difference", "{n} differences"),
    # what was asked for
    "mode_publish": N_("move"),
    "mode_check": N_("check"),
    "mode_dump": N_("dump"),
    "mode_rehearse": N_("rehearsal"),
    "mode_verify_only": N_("verification"),
    "mode_undo": N_("taking back"),
    # the verdict
    "left_out": pair(
        "{n} row is left out of PostgreSQL, in quarantine.", "{n} rows are left out of PostgreSQL, in quarantine."
    ),
    "left_out_following": pair(
        "{n} rows are left out of PostgreSQL, in quarantine: {following} of them refers to another that is.",
        "{n} rows are left out of PostgreSQL, in quarantine: {following} of them refer to others that are.",
    ),
    "could_stay": pair(
        "{stay} of these {n} row stays with --fix {rules}.",
        "{stay} of these {n} rows stay with --fix {rules}.",
    ),
    "could_stay_below": pair(
        "{stay} of these {n} row stays with the repairs of the command below.",
        "{stay} of these {n} rows stay with the repairs of the command below.",
    ),
    "left_out_then": pair("{n} does not.", "{n} do not."),
    "would_be_left_out": pair(
        "Quarantine alone would leave {n} row out of PostgreSQL.",
        "Quarantine alone would leave {n} rows out of PostgreSQL.",
    ),
    "published": N_("Published: {rows} in {tables}, schema {schema}."),
    "rehearsed": N_("Your project can move: {size}, {rows} in {tables}, {seconds}, {findings}. Nothing was published."),
    "found": pair("{n} finding", "{n} findings"),
    "excluded": N_("Left out by --exclude-data: {names}; their tables are there, and empty."),
    "excluded_table": N_("{name} ({rows})"),
    "ready": N_(
        "Ready: nothing was found in rows, keys and models that would stop this database from moving; what RunSQL and"
        " RunPython do, a rehearsal tries."
    ),
    "verified": N_("Verified: {rows} in {tables}, as they were in SQLite."),
    "undone": N_(
        "Undone: {back} back in schema {schema}, as before the publication; what was published, {published}, is in"
        " schema {archive}."
    ),
    "undone_first": N_(
        "Undone: what was published, {published}, was moved from schema {schema} to schema {archive}; there were no"
        " earlier tables to restore."
    ),
    "dumped": N_("Dumped: {rows} in {tables}, to {path} ({size})."),
    "dump_blocked": pair(
        "{n} fault stands in the way of the load: repair it before, or give --fix or --quarantine to --from-dump.",
        "{n} faults stand in the way of the load: repair them before, or give --fix or --quarantine to --from-dump.",
    ),
    "between_stages": N_("everything else"),
    "rule": N_("Rule"),
    "where": N_("Where"),
    "repair": N_("Repair"),
    "places": pair("{n} place", "{n} places"),
    "more_rules": pair("and {n} more rule", "and {n} more rules"),
    "quarantine_only": N_("none (quarantine)"),
    "no_repair": N_("none"),
    "repairs_some": pair("{how}, {n} row", "{how}, {n} rows"),
    "go_on": N_("To go on:"),
    "go_on_by_hand": N_("First do what these findings say ({rules}), then:"),
    "report": N_("Report"),
    "done": N_("Done."),
    "blocked": pair(
        "Blocked: {n} fault must be repaired or accepted first.",
        "Blocked: {n} faults must be repaired or accepted first.",
    ),
    "failed": N_("The run did not succeed."),
    "unpublished": N_("Nothing was published."),
    "published_before_failure": N_("This happened after the tables were published in schema {schema}."),
    "proven_cells": N_("Proven: {cells} compared one by one, no difference."),
    "proven_counts": N_("Row counts are equal on both sides; cells were not compared, as --verify counts asks."),
    "proven_cells_mended": N_("Proven: {cells} compared one by one, no difference but what the repairs did."),
    "proven_counts_mended": N_("Every row is accounted for; cells were not compared, as --verify counts asks."),
    "proven_computed": pair(
        "{n} cell more is computed by PostgreSQL itself: it is what its own expression gives.",
        "{n} cells more are computed by PostgreSQL itself: they are what its own expressions give.",
    ),
    "proven_without": pair(
        "{n} column was left out on purpose, and is not compared: {names}.",
        "{n} columns were left out on purpose, and are not compared: {names}.",
    ),
    "proven_orm": N_("Read by Django's ORM on both sides, equal: {values} of {models}, {keys} with their rows."),
    "orm_unread": N_("Not read by Django's ORM: {models}. {reason}"),
    "values": pair("{n} value", "{n} values"),
    "models": pair("{n} model", "{n} models"),
    "keys": pair("{n} foreign key", "{n} foreign keys"),
    "accounted": N_("Accounted for: {source} in SQLite = {target} in PostgreSQL{aside}"),
    "with_views": pair(
        "; with {n} row that a view gave, {target} are in PostgreSQL",
        "; with {n} rows that views gave, {target} are in PostgreSQL",
    ),
    "recomputed": N_("; {cells}, each recomputed by the proof"),
    "not_compared": N_(
        "; {cells}, each recomputed by the proof, but not compared with PostgreSQL, as --verify counts asks"
    ),
    "unproven": N_("Not equal: {differences} in {tables}."),
    "repairs_accepted": pair(
        "{n} fault has a repair that was accepted with --fix.",
        "{n} faults have a repair that was accepted with --fix.",
    ),
    "asides_accepted": pair(
        "{n} fault has rows that were left out with --quarantine.",
        "{n} faults have rows that were left out with --quarantine.",
    ),
    "settled_with_others": pair(
        "{n} fault was settled together with another one.",
        "{n} faults were settled together with others.",
    ),
    "warnings_to_read": pair("{n} warning is worth reading.", "{n} warnings are worth reading."),
    "replaced": N_("What stood there before, {tables}, is kept in schema {archive}."),
    "carried": N_("What no migration knows is in schema {schema}: {rows} in {tables}."),
    "leftovers_replaced": N_("What stood in schema {schema} before is kept in schema {archive}."),
    "leftovers_undone": N_("What was published in schema {schema} is kept in schema {archive}."),
    "locked": N_("The application's tables were locked for {seconds}."),
    # headings
    "title": N_("SQLite to PostgreSQL"),
    "contents": N_("Contents"),
    "in_the_way": N_("What stands in the way"),
    "about_rule": N_("About this rule"),
    "explain": N_("What a rule means, at length: --explain RULE."),
    "next_steps": N_("What to do now"),
    "findings": N_("Findings"),
    "mended": N_("What was changed or left out"),
    "differences_title": N_("Differences"),
    "stages": N_("Time"),
    "tables_title": N_("Tables"),
    "identities": N_("Next identity values"),
    "publication": N_("Publication"),
    "databases": N_("Databases"),
    "versions": N_("Environment"),
    "reproduce": N_("How to reproduce"),
    # captions of tables
    "stages_caption": N_("Each stage, by its number in the bar, and when it ran."),
    "tables_caption": N_("The bar below a name shows its rows, against those of the largest table."),
    "samples_caption": N_("The first rows at fault"),
    "cells_caption": N_("The first cells that were changed"),
    "identities_caption": N_("The next value that each sequence gives: ids are never given twice."),
    "blocked_caption": N_("Each of these has to be corrected, repaired or left out."),
    # findings
    "error": N_("error"),
    "warning": N_("warning"),
    "repaired": N_("repaired"),
    "aside": N_("left out"),
    "sample": N_("{key}: {value}"),
    "more_rows": pair("and {n} more row", "and {n} more rows"),
    "repair_offered": N_("{option} {rule} repairs this ({repair})."),
    "repair_of_rows": N_("{option} {rule} repairs {repaired} of {n} ({repair})."),
    "repair_of_some": N_(
        "{option} {rule} repairs {repaired} of {n} ({repair}): it has nothing to put in place of the others."
    ),
    "repair_of_none": N_("{option} {rule} repairs 0 of {n}: it has nothing to put in place of what is there."),
    "repair_accepted": N_("The repair was accepted with --fix {rule} ({repair})."),
    "quarantine_offered": N_("--quarantine {rule} leaves these rows, and those that refer to them, out of PostgreSQL."),
    "set_aside": N_("These rows were left out with --quarantine {rule}."),
    "rest_settled": N_("The rest of these rows were left out, or repaired for another of their faults."),
    "settled_by_others": N_("These rows were repaired, or left out, for another of their faults."),
    "aside_for_others": N_("Left out: these rows went into quarantine for another of their faults."),
    "left_over": pair(
        "--fix {rule} changed {n} cell; it has nothing to put in place of what is left.",
        "--fix {rule} changed {n} cells; it has nothing to put in place of what is left.",
    ),
    "repair_lossless": N_("lossless"),
    "repair_lossy": N_("lossy"),
    "row": N_("Row"),
    "value": N_("Value"),
    # what was mended
    "only_the_copy": N_("The repairs were made on a copy; SQLite itself was not touched."),
    "cell_changed": N_("{key}: {old} -> {new}"),
    "row_aside": N_("{key}: {reason}"),
    "old": N_("In SQLite"),
    "new": N_("In PostgreSQL"),
    "more_cells": pair("and {n} more cell", "and {n} more cells"),
    "more_in_files": N_("report.html and report.json show more of each."),
    "record_in_journal": N_("All of it, in SQLite's own values: {journal}"),
    "record_in_target": N_("All of it is on the target too: tables {schema}.quarantine and {schema}.changed_cell."),
    "journal": N_("Journal of repairs"),
    # differences
    "changed": N_("{key}: column {column} is not the same"),
    "missing": N_("{key}: the row is missing in PostgreSQL"),
    "extra": N_("{key}: the row is in PostgreSQL only"),
    "unexplained": N_("{key}: the proof does not confirm what the record of the repairs says"),
    "why": N_("Why"),
    "recorded": N_("Recorded"),
    "unexplained_cell": N_("{key}: the proof does not confirm what the record says of column {column}"),
    "no_key": N_("row without a key"),
    "null": N_("NULL"),
    "no_row": N_("no row"),
    "row_counts": N_("{source} in SQLite, {target} in PostgreSQL"),
    "first_difference": N_("from character {position}: {source} / {target}"),
    "more_differences": pair("and {n} more difference", "and {n} more differences"),
    "kept_differences": N_("report.html and report.json show the first {n}"),
    "identities_set": pair(
        "{n} identity goes on after the highest id ever given: report.html lists it.",
        "{n} identities go on after the highest id ever given: report.html lists them.",
    ),
    # columns of tables
    "table": N_("Table"),
    "rows_column": N_("Rows"),
    "quarantined_column": N_("Quarantined"),
    "merged_column": N_("Merged"),
    "changed_column": N_("Changed"),
    "cells_column": N_("Cells"),
    "cells_compared": N_("Cells compared"),
    "differences_column": N_("Differ"),
    "seconds_column": N_("Time"),
    "stage": N_("Stage"),
    "when": N_("When"),
    "column": N_("Column"),
    "next_value": N_("Next value"),
    "total": N_("Total"),
    "more_tables": pair(
        "and {n} more table, equal on both sides: report.html and report.json have it",
        "and {n} more tables, equal on both sides: report.html and report.json have them",
    ),
    # databases
    "sqlite": N_("SQLite"),
    "postgresql": N_("PostgreSQL"),
    "source": N_("Source"),
    "source_size": N_("{size}, {tables}, {rows}"),
    "source_unchanged": N_("unchanged at the end of the run"),
    "source_changed": N_("CHANGED during the run"),
    "from_dump": N_("from the dump {path}, written {written}"),
    "dump": N_("Dump"),
    "dump_facts": N_("{path}, {size}, written {written}"),
    "dump_fingerprint": N_("SHA-256 of the dump"),
    "fingerprint": N_("SHA-256"),
    "fingerprint_after": N_("SHA-256 after"),
    "snapshot": N_("Snapshot kept"),
    "export": N_("Exported"),
    "export_size": N_("{path}; {size}, for pg_restore"),
    "target": N_("Target"),
    "target_version": N_("PostgreSQL {version}, schema {schema}"),
    "embedded_target": N_("embedded PostgreSQL {major} in {path}"),
    "schema": N_("Schema"),
    "published_tables": N_("Tables"),
    "replaced_tables": N_("Replaced"),
    "archive": N_("Kept in schema"),
    "locked_time": N_("Locked for"),
    "reproduce_command": N_("This run, without its password where it had one:"),
    "reproduce_source": N_("The source's fingerprint, taken again by other means:"),
    "private": N_("This page shows values from the database: keep it as private as the database."),
    "for_programs": N_("The same facts for programs: report.json."),
    # the doctor
    "healthy": N_("Healthy: {path}; {held}; nothing was found."),
    "healthy_with": N_("Healthy, but read on: {counts}."),
    "unhealthy": N_("Not healthy: {counts}."),
    "file": N_("File"),
    "pages": N_(
        "{journal_mode} journal, {encoding}, auto_vacuum {auto_vacuum}, {page_count} pages of {page_size} bytes,"
        " {free_pages} of them free; SQLite {version}"
    ),
    "beside": N_("Beside it"),
    "nothing": N_("nothing"),
    "open_in": N_("Open in"),
    "holder": N_("process {pid} ({program})"),
    "writer": N_("process {pid} ({program}), which holds the write lock"),
    "no_holder": N_("no other process"),
    "holders_hidden": N_("this system, or this user, is not shown every process: there may be others"),
    "room": N_("Snapshot"),
    "room_for_snapshot": N_("needs {needed}; {free} are free"),
    "repaired_in_place": N_("Repaired: {place}: {what}."),
    "not_repaired": N_("Not repaired: {place}: {reason}."),
    "nothing_to_repair": N_("Nothing was repaired: the repairs that were named change nothing of what was found."),
    "restored": N_("The backup was put back: the database is as it was."),
    "backup": N_("Backup"),
    "repair_in_place": N_("To repair SQLite itself, a backup of it first:"),
    "of_the_move": N_("For a move to PostgreSQL"),
    "fix_is_for_the_move": N_(
        "This matters for a move alone. --fix and --quarantine are options of migrate_to_pg: they change what is moved,"
        " not SQLite."
    ),
    # progress
    "stage_started": N_("{stage} ..."),
    "stage_started_about": N_("{stage}: {message} ..."),
    "stage_done": N_("{stage}: done in {seconds}"),
    "stage_done_about": N_("{stage}: done in {seconds}: {message}"),
    "stage_stopped": N_("{stage}: stopped after {seconds}"),
    "progress": N_("{stage}: {done}{rate}"),
    "progress_of": N_("{stage}: {done} of {total} ({percent} %){rate}"),
    "of": N_("{done} / {total}"),
    "per_second": N_("{amount}/s"),
    "rows_per_second": N_("{amount} rows/s"),
    "mark_done": N_("✓"),
    "mark_stopped": N_("✗"),
    "mark_done_ascii": N_("done"),
    "mark_stopped_ascii": N_("stopped"),
}

#: What the stages are called; report.json has the English names.
STAGES = (
    N_("start"),
    N_("server start"),
    N_("server stop"),
    N_("validate"),
    N_("rebuild"),
    N_("snapshot"),
    N_("catalog"),
    N_("stage"),
    N_("examine"),
    N_("dump"),
    N_("export"),
    N_("load"),
    N_("leftovers"),
    N_("restore"),
    N_("prove"),
    N_("publish"),
    N_("undo"),
    N_("integrity"),
    N_("probe"),
    N_("trial"),
    N_("repair"),
)

#: Spaces that are no fault in text, though Python does not call them printable: French puts them before ? and :
_FRENCH_SPACES = "\u00a0\u202f"


def say(key: str, /, **values: object) -> str:
    """The sentence of that name, in the language in force, with its values in place; ``n`` chooses between two."""
    entry = ENGLISH[key]
    written = {name: number(value) if isinstance(value, int) else value for name, value in values.items()}
    if isinstance(entry, str):
        return gettext(entry, **written)
    count = values.get("n")
    return ngettext(*entry, count if isinstance(count, int) else 2, **written)


def stage_name(stage: str) -> str:
    """What a person calls a stage."""
    return gettext(stage)


def visible(text: str) -> str:
    r"""The text with everything that a terminal or a reader would not show made visible: ESC -> \x1b."""
    return "".join(c if c.isprintable() or c in _FRENCH_SPACES else ascii(c)[1:-1] for c in text)
