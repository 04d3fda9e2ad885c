"""The verdict of a report, and the sentences under it: what was proven, published, left out."""

from __future__ import annotations

from migrate_to_pg.records import LEFTOVERS, DumpFacts, Publication, Report, Verify
from migrate_to_pg.records.repairs import Fate
from migrate_to_pg.report.messages import duration, say, size
from migrate_to_pg.report.repair_counts import accounted, settled
from migrate_to_pg.report.summary import status, total_seconds
from migrate_to_pg.report.tables import TableFacts, tables


def verdict(report: Report) -> str:
    """What a person reads first: the rows that are left out, where there are any, and then how the run ended."""
    if report.failure:
        return report.failure.message
    blocking = sum(f.blocks for f in report.findings)
    if not report.ok:
        return say("blocked", n=blocking) if blocking else say("failed")
    return "\n".join([*left_out(report), _success(report)])


def tone(report: Report) -> str:
    """good, warning where rows are left out, or bad: the style of the verdict."""
    if not report.ok:
        return "bad"
    return "warning" if left_out(report) else "good"


def left_out(report: Report) -> list[str]:
    """The rows that are in quarantine instead of PostgreSQL, and how many of them more repairs would have kept."""
    gone = [rows for rows in report.aside if rows.fate is Fate.QUARANTINED]
    count, following = sum(rows.count for rows in gone), sum(rows.following for rows in gone)
    if not report.ok or not count:
        return []
    told = say("left_out_following" if following else "left_out", n=count, following=following)
    return [told, *could_stay(report)]


def at_stake(report: Report) -> str:
    """What quarantine would leave out of a run that is blocked, and what the repairs keep of it; '' for nothing."""
    kept = report.could_stay
    if kept is None or report.ok:
        return ""
    fix = f"--fix {','.join(kept.fix)} "
    staying = (
        [say("could_stay_below", n=kept.of, stay=kept.rows)]
        if fix in f"{report.continue_with} "
        else could_stay(report)
    )
    told = [say("would_be_left_out", n=kept.of), *staying]
    return " ".join([*told, *([say("left_out_then", n=kept.of - kept.rows)] if kept.of > kept.rows else [])])


def could_stay(report: Report) -> list[str]:
    """The rows that would stay with more repairs, of all that quarantine leaves out."""
    kept = report.could_stay
    return [say("could_stay", n=kept.of, stay=kept.rows, rules=",".join(kept.fix))] if kept else []


def _success(report: Report) -> str:
    known = [table for table in tables(report) if not table.of_view]
    rows = say("rows", n=sum(t.rows_target or 0 for t in known))
    if report.mode == "publish" and report.publication:
        published = report.publication
        public = say("rows", n=sum(t.rows_target or 0 for t in known if not _is_leftover(t)))
        return say("published", rows=public, tables=say("tables", n=len(published.tables)), schema=published.schema)
    if report.mode == "dump" and report.dump:
        return _dumped(report, report.dump)
    if report.mode == "rehearse":
        return _rehearsed(report, rows, say("tables", n=len(known)))
    if report.mode == "verify_only":
        return say("verified", rows=rows, tables=say("tables", n=len(known)))
    if report.mode == "undo" and report.publication:
        return _undone(report.publication)
    return say("ready" if report.mode == "check" else "done")


def _undone(undone: Publication) -> str:
    """Where the published tables went, and what came back."""
    places = {"schema": undone.schema, "archive": undone.archive, "published": say("tables", n=len(undone.replaced))}
    if undone.tables:
        return say("undone", back=say("tables", n=len(undone.tables)), **places)
    return say("undone_first", **places)


def _is_leftover(table: TableFacts) -> bool:
    return table.name.startswith(f"{LEFTOVERS}.")


def _dumped(report: Report, dump: DumpFacts) -> str:
    held = (report.source.rows, report.source.tables) if report.source else (0, 0)
    rows, tables = say("rows", n=held[0]), say("tables", n=held[1])
    return say("dumped", rows=rows, tables=tables, path=dump.path, size=size(dump.bytes))


def _rehearsed(report: Report, rows: str, tables: str) -> str:
    """Your project can move: 1.2 GB, 14 M rows in 40 tables, 41 s, 2 findings."""
    return say(
        "rehearsed",
        size=size(report.source.bytes if report.source else 0),
        rows=rows,
        tables=tables,
        seconds=duration(total_seconds(report)),
        findings=say("found", n=len(report.findings)),
    )


def assurances(report: Report) -> list[str]:
    """The sentences under the verdict: what was proven, what was and was not published, what is worth reading."""
    ways = [way for f in report.findings for way in settled(f, report)]
    counts = {
        "dump_blocked": sum(f.blocks for f in report.findings) if report.dump else 0,
        "repairs_accepted": ways.count("repair_accepted"),
        "asides_accepted": ways.count("set_aside"),
        "settled_with_others": ways.count("settled_by_others") + ways.count("aside_for_others"),
        "warnings_to_read": [status(f, report) for f in report.findings].count("warning"),
    }
    told = (say(words, n=count) for words, count in counts.items() if count)
    proven = [_proof(report), _computed(report), _left_out(report), _orm(report), *_unread(report)]
    proven += [accounted(report), _excluded(report)]
    return [line for line in (report.source_choice, *proven, *_publication(report), *told) if line]


def _excluded(report: Report) -> str:
    if not report.excluded or report.failure:
        return ""
    names = ", ".join(say("excluded_table", name=t.name, rows=say("rows", n=t.rows)) for t in report.excluded)
    return say("excluded", names=names)


def _proof(report: Report) -> str:
    if report.proof is None:
        return ""
    known = tables(report)
    if not report.proof.holds:
        wrong = [t for t in known if not t.equal]
        if not wrong:
            return ""  # Nothing was unequal; a model could not be read, which is told by itself.
        # Where only rows were counted, the differences are the rows too many or too few.
        count = sum(t.differences or abs(t.missing) for t in wrong)
        return say("unproven", differences=say("differences", n=count), tables=say("tables", n=len(wrong)))
    aside = any(t.quarantined or t.merged for t in known)
    if report.proof.verify is Verify.COUNTS:
        return say("proven_counts_mended" if aside else "proven_counts")
    cells = say("cells", n=sum(t.cells_compared for t in report.proof.tables))
    return say("proven_cells_mended" if any(t.mended for t in known) else "proven_cells", cells=cells)


def _computed(report: Report) -> str:
    cells = sum(t.cells_computed for t in report.proof.tables) if report.proof and report.proof.holds else 0
    return say("proven_computed", n=cells) if cells else ""


def _left_out(report: Report) -> str:
    names = report.proof.left_out if report.proof else []
    return say("proven_without", n=len(names), names=", ".join(names)) if names else ""


def _orm(report: Report) -> str:
    read = report.proof.orm if report.proof else ()
    if not read or any(table.differences for table in read):
        return ""
    return say(
        "proven_orm",
        values=say("values", n=sum(table.values for table in read)),
        models=say("models", n=len(read)),
        keys=say("keys", n=sum(table.keys_followed for table in read)),
    )


def _unread(report: Report) -> list[str]:
    """The models that the ORM did not read, one sentence for each reason."""
    reasons: dict[str, list[str]] = {}
    for one in report.proof.unread if report.proof else ():
        reasons.setdefault(one.reason, []).append(one.model)
    return [say("orm_unread", models=", ".join(models), reason=reason) for reason, models in reasons.items()]


def _leftovers(report: Report, published: Publication) -> list[str]:
    """What became of schema sqlite_leftovers."""
    places = {"schema": LEFTOVERS, "archive": published.leftovers_archive}
    if report.mode == "undo":
        return [say("leftovers_undone", **places)] if published.leftovers_archive else []
    lines = [say("leftovers_replaced", **places)] if published.leftovers_archive else []
    if published.leftovers:
        rows = say("rows", n=sum(t.rows_target or 0 for t in tables(report) if _is_leftover(t)))
        lines.insert(0, say("carried", rows=rows, tables=say("tables", n=len(published.leftovers)), **places))
    return lines


def _publication(report: Report) -> list[str]:
    published = report.publication
    if published is None:
        unknown = report.failure is not None and report.failure.may_be_published
        return [] if report.ok or unknown or report.mode in ("undo", "verify_only") else [say("unpublished")]
    lines = [] if report.ok else [say("published_before_failure", schema=published.schema)]
    if published.replaced and report.mode != "undo":
        lines.append(say("replaced", tables=say("tables", n=len(published.replaced)), archive=published.archive))
    lines += _leftovers(report, published)
    return [*lines, say("locked", seconds=duration(published.locked_seconds))]
