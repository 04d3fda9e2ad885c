"""Describe how a run ended, and what was verified, published and left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate_to_pg.i18n import duration, ngettext, pluralize, size
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import LEFTOVERS, Publication, Report, Verification, Verify
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.report.repairs import Resolution, resolutions, row_account
from migrate_to_pg.report.summary import makes_file, status, total_seconds
from migrate_to_pg.report.tables import TableFacts, row_changes, tables


def verdict(report: Report) -> str:
    """Return what a person reads first: the rows that are left out, if there are any, and then how the run ended."""
    if report.failure:
        return report.failure.message
    if report.ok:
        return "\n".join([*_left_behind(report), *left_out(report), _success(report)])
    if blocking := sum(finding.blocks for finding in report.findings):
        return ngettext(
            "Blocked: {n:,} fault must be repaired or accepted first.",
            "Blocked: {n:,} faults must be repaired or accepted first.",
            blocking,
        )
    return _("The run did not succeed.")


def tone(report: Report) -> str:
    """Return the style of the verdict: good, warning where rows are left out, or bad."""
    if not report.ok:
        return "bad"
    return "warning" if left_out(report) or _left_behind(report) else "good"


def _left_behind(report: Report) -> list[str]:
    """Warn of what was written to SQLite after the snapshot, by --accept-stale or by writers that waited."""
    tables = len(report.source.left_behind) if report.source and report.publication else 0
    if not tables:
        return []
    return [
        ngettext(
            "{n:,} table of SQLite was written to after the snapshot, and that is not moved: the first steps below.",
            "{n:,} tables of SQLite were written to after the snapshot, and that is not moved: the first steps below.",
            tables,
        )
    ]


def left_out(report: Report) -> list[str]:
    """Count the rows that are in quarantine instead of PostgreSQL, and how many of them more repairs would keep."""
    quarantined = [rows for rows in report.removed if rows.outcome is RowOutcome.QUARANTINED]
    count, following = sum(rows.count for rows in quarantined), sum(rows.following for rows in quarantined)
    if not report.ok or not count:
        return []
    if makes_file(report.mode):
        sentence = ngettext(
            "{n:,} row is left out of the file, in quarantine; {following:,} only for what it refers to.",
            "{n:,} rows are left out of the file, in quarantine; {following:,} only for what they refer to.",
            count,
            following=following,
        )
    elif following:
        sentence = ngettext(
            "{all:,} rows are left out of PostgreSQL, in quarantine: {n:,} of them refers to another that is.",
            "{all:,} rows are left out of PostgreSQL, in quarantine: {n:,} of them refer to others that are.",
            following,
            all=count,
        )
    else:
        sentence = ngettext(
            "{n:,} row is left out of PostgreSQL, in quarantine.",
            "{n:,} rows are left out of PostgreSQL, in quarantine.",
            count,
        )
    return [sentence, *_could_stay(report)]


def at_stake(report: Report) -> str:
    """Count the rows that quarantine would leave out of a blocked run, and those that repairs keep. '' for none."""
    kept = report.could_stay
    if kept is None or report.ok:
        return ""
    if makes_file(report.mode):
        alone = ngettext(
            "Quarantine alone would leave {n:,} row out of the file.",
            "Quarantine alone would leave {n:,} rows out of the file.",
            kept.of,
        )
    else:
        alone = ngettext(
            "Quarantine alone would leave {n:,} row out of PostgreSQL.",
            "Quarantine alone would leave {n:,} rows out of PostgreSQL.",
            kept.of,
        )
    sentences = [alone]
    if f"--fix {','.join(kept.fix)} " in f"{report.continue_with} ":
        sentences.append(
            ngettext(
                "{n:,} row of {all:,} stays with the repairs of the command below.",
                "{n:,} rows of {all:,} stay with the repairs of the command below.",
                kept.rows,
                all=kept.of,
            )
        )
    else:
        sentences += _could_stay(report)
    if kept.of > kept.rows:
        sentences.append(ngettext("{n:,} does not.", "{n:,} do not.", kept.of - kept.rows))
    return " ".join(sentences)


def _could_stay(report: Report) -> list[str]:
    """Count the rows that would stay with more repairs, of all that quarantine leaves out."""
    kept = report.could_stay
    if kept is None:
        return []
    return [
        ngettext(
            "{n:,} row of {all:,} stays with --fix {rules}.",
            "{n:,} rows of {all:,} stay with --fix {rules}.",
            kept.rows,
            all=kept.of,
            rules=",".join(kept.fix),
        )
    ]


def _success(report: Report) -> str:
    known = [table for table in tables(report) if not table.of_view]
    moved = {"rows": _rows(known), "tables": pluralize(len(known), "table", "tables")}
    published, dump, source = report.publication, report.dump, report.source
    if report.mode == "publish" and published:
        return _(
            "Published: {rows} in {tables}, schema {schema}.",
            rows=_rows([table for table in known if not _is_unmanaged(table)]),
            tables=pluralize(len(published.tables), "table", "tables"),
            schema=published.schema,
        )
    if report.made and report.mode == "rebuild":
        return _(
            "Made: {path}, {size}, {rows} in {tables}, by the project's migrations.",
            path=report.made.path,
            size=size(report.made.bytes),
            rows=pluralize(report.made.rows, "row", "rows"),
            tables=pluralize(report.made.tables, "table", "tables"),
        )
    if made := report.made:
        return _(
            "Made: {path}, {size}, {rows} in {tables}, as they are on PostgreSQL.",
            path=made.path,
            size=size(made.bytes),
            rows=pluralize(made.rows, "row", "rows"),
            tables=pluralize(made.tables, "table", "tables"),
        )
    if report.mode == "dump" and dump:
        return _(
            "Dumped: {rows} in {tables}, to {path} ({size}).",
            rows=pluralize(source.rows if source else 0, "row", "rows"),
            tables=pluralize(source.tables if source else 0, "table", "tables"),
            path=dump.path,
            size=size(dump.bytes),
        )
    if report.mode == "rehearse":
        return _(
            "Your project can move: {size}, {rows} in {tables}, {seconds}, {findings}. Nothing was published.",
            size=size(source.bytes if source else 0),
            seconds=duration(total_seconds(report)),
            findings=pluralize(len(report.findings), "finding", "findings"),
            **moved,
        )
    if report.mode == "verify_only":
        return _("Verified: {rows} in {tables}, as they were in SQLite.", **moved)
    if report.mode == "since_publish" and report.verification:
        return _written_since(report.verification)
    if report.mode == "undo" and published:
        return _undone(published)
    if report.mode == "check":
        return _(
            "Ready: nothing was found in rows, keys and models that would stop this database from moving; what RunSQL"
            " and RunPython do, a rehearsal tries."
        )
    return _("Done.")


def _written_since(verification: Verification) -> str:
    """Count the rows that were written since the publication."""
    written = [table for table in verification.tables if table.rows_added or table.rows_changed or table.rows_removed]
    if not written:
        return _("Nothing was written to PostgreSQL since the publication.")
    return _(
        "Written to PostgreSQL since the publication: {rows}, in {tables}.",
        rows=row_changes(
            sum(table.rows_added for table in written),
            sum(table.rows_changed for table in written),
            sum(table.rows_removed for table in written),
        ),
        tables=pluralize(len(written), "table", "tables"),
    )


def _rows(known: list[TableFacts]) -> str:
    return pluralize(sum(table.rows_target or 0 for table in known), "row", "rows")


def _undone(undone: Publication) -> str:
    """Name the schema of the published tables, and the tables that were restored."""
    values = {
        "schema": undone.schema,
        "archive": undone.archive,
        "published": pluralize(len(undone.replaced), "table", "tables"),
        "back": pluralize(len(undone.tables), "table", "tables"),
    }
    if undone.tables:
        return _(
            "Undone: {back} back in schema {schema}, as before the publication; what was published, {published}, is in"
            " schema {archive}.",
            **values,
        )
    return _(
        "Undone: what was published, {published}, was moved from schema {schema} to schema {archive}; there were no"
        " earlier tables to restore.",
        **values,
    )


def _is_unmanaged(table: TableFacts) -> bool:
    return table.name.startswith(f"{LEFTOVERS}.")


def notes(report: Report) -> list[str]:
    """List the sentences under the verdict: what was verified, published and not published, what is worth reading."""
    sentences = [report.source_choice, *_verified(report), row_account(report)]
    if report.excluded and not report.failure:
        names = ", ".join(f"{table.name} ({pluralize(table.rows, 'row', 'rows')})" for table in report.excluded)
        sentences.append(_("Left out by --exclude-data: {names}; their tables are there, and empty.", names=names))
    sentences += [*_published(report), *_counts(report)]
    return [sentence for sentence in sentences if sentence]


def _verified(report: Report) -> Iterator[str]:
    """Describe what was compared, and what was not."""
    verification, known = report.verification, tables(report)
    if verification is None:
        return
    computed = sum(table.cells_computed for table in verification.tables) if verification.holds else 0
    # What was written since is the result, and the verdict.
    yield "" if report.mode == "since_publish" else _verified_tables(verification, known)
    if otherwise := sum(found.count for found in report.findings if found.rule == "written-otherwise"):
        yield ngettext(
            "The values are the same; {n:,} has another form than in the old file, and a warning names its column.",
            "The values are the same; {n:,} have another form than in the old file, and warnings name their columns.",
            otherwise,
        )
    if computed:
        yield ngettext(
            "{n:,} cell more is computed by PostgreSQL itself: it is what its own expression gives.",
            "{n:,} cells more are computed by PostgreSQL itself: they are what its own expressions give.",
            computed,
        )
    if verification.left_out:
        yield ngettext(
            "{n:,} column was left out on purpose, and is not compared: {names}.",
            "{n:,} columns were left out on purpose, and are not compared: {names}.",
            len(verification.left_out),
            names=", ".join(verification.left_out),
        )
    if verification.orm and not any(table.differences for table in verification.orm):
        yield _(
            "Read by Django's ORM on both sides, equal: {values} of {models}, {keys} with their rows.",
            values=pluralize(sum(table.values for table in verification.orm), "value", "values"),
            models=pluralize(len(verification.orm), "model", "models"),
            keys=ngettext(
                "{n:,} foreign key", "{n:,} foreign keys", sum(table.keys_followed for table in verification.orm)
            ),
        )
    reasons: dict[str, list[str]] = {}
    for unread in verification.unread:
        reasons.setdefault(unread.reason, []).append(unread.model)
    for reason, models in reasons.items():
        yield _("Not read by Django's ORM: {models}. {reason}", models=", ".join(models), reason=reason)


def _verified_tables(verification: Verification, known: Sequence[TableFacts]) -> str:
    if not verification.holds:
        wrong = [table for table in known if not table.equal]
        if not wrong:
            return ""  # Nothing was unequal; a model could not be read, which another sentence reports.
        # Where only rows were counted, the differences are the rows too many or too few.
        count = sum(table.differences or abs(table.missing) for table in wrong)
        return _(
            "Not equal: {differences} in {tables}.",
            differences=pluralize(count, "difference", "differences"),
            tables=pluralize(len(wrong), "table", "tables"),
        )
    if verification.verify is Verify.COUNTS:
        if any(table.quarantined or table.merged for table in known):
            return _("Every row is accounted for; cells were not compared, as --verify counts asks.")
        return _("Row counts are equal on both sides; cells were not compared, as --verify counts asks.")
    cells = pluralize(sum(table.cells_compared for table in verification.tables), "cell", "cells")
    if any(table.repaired for table in known):
        return _("Compared: {cells}, one by one, no difference but what the repairs did.", cells=cells)
    return _("Compared: {cells}, one by one, no difference.", cells=cells)


def not_done(mode: str) -> str:
    """Return the sentence on what a run of that mode that did not succeed left undone."""
    if mode == "since_publish":
        return _("Nothing was changed.")
    return _("No file was made.") if makes_file(mode) else _("Nothing was published.")


def _published(report: Report) -> list[str]:
    published = report.publication
    if published is None:
        unknown = report.failure is not None and report.failure.may_be_published
        is_said = report.ok or unknown or report.mode in ("undo", "verify_only", "since_publish")
        return [] if is_said or report.made else [not_done(report.mode)]
    lines = []
    if not report.ok:
        lines.append(_("This happened after the tables were published in schema {schema}.", schema=published.schema))
    if published.replaced and report.mode != "undo":
        tables_before = pluralize(len(published.replaced), "table", "tables")
        lines.append(
            _(
                "The replaced tables ({tables}) are kept in schema {archive}.",
                tables=tables_before,
                archive=published.archive,
            )
        )
    locked = _("The application's tables were locked for {seconds}.", seconds=duration(published.locked_seconds))
    return [*lines, *_unmanaged(report, published), locked]


def _unmanaged(report: Report, published: Publication) -> list[str]:
    """Report what was done with schema sqlite_leftovers."""
    values = {"schema": LEFTOVERS, "archive": published.leftovers_archive}
    lines = []
    if published.leftovers and report.mode != "undo":
        lines.append(
            _(
                "What no migration knows is in schema {schema}: {rows} in {tables}.",
                rows=_rows([table for table in tables(report) if _is_unmanaged(table)]),
                tables=pluralize(len(published.leftovers), "table", "tables"),
                **values,
            )
        )
    if published.leftovers_archive and report.mode == "undo":
        lines.append(_("What was published in schema {schema} is kept in schema {archive}.", **values))
    elif published.leftovers_archive:
        lines.append(_("The earlier tables of schema {schema} are kept in schema {archive}.", **values))
    return lines


def _counts(report: Report) -> Iterator[str]:
    """Count the findings by what they ask for, or by how they were settled."""
    if report.dump and (blocking := sum(finding.blocks for finding in report.findings)):
        yield ngettext(
            "{n:,} fault blocks the load: repair it before, or give --fix or --quarantine to --from-dump.",
            "{n:,} faults block the load: repair them before, or give --fix or --quarantine to --from-dump.",
            blocking,
        )
    found = [resolution for finding in report.findings for resolution in resolutions(finding, report)]
    if repaired := found.count(Resolution.REPAIRED):
        yield ngettext(
            "{n:,} fault has a repair that was accepted with --fix.",
            "{n:,} faults have a repair that was accepted with --fix.",
            repaired,
        )
    if quarantined := found.count(Resolution.QUARANTINED):
        yield ngettext(
            "{n:,} fault has rows that were left out with --quarantine.",
            "{n:,} faults have rows that were left out with --quarantine.",
            quarantined,
        )
    if others := found.count(Resolution.BY_OTHERS) + found.count(Resolution.QUARANTINED_FOR_OTHERS):
        yield ngettext(
            "{n:,} fault was settled together with another one.",
            "{n:,} faults were settled together with others.",
            others,
        )
    if warnings := [status(finding, report) for finding in report.findings].count("warning"):
        yield ngettext("{n:,} warning is worth reading.", "{n:,} warnings are worth reading.", warnings)
