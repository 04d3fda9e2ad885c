"""In: a Report. Out: what all its renderings tell alike: verdict, findings in order, values in words."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import takewhile

from migrate_to_pg.account import ChangedCells, Fate
from migrate_to_pg.language import gettext
from migrate_to_pg.records import (
    LEFTOVERS,
    Difference,
    DumpFacts,
    Finding,
    Level,
    Publication,
    Report,
    TargetFacts,
    Verify,
)
from migrate_to_pg.report.accounting import Edit, accounted, is_aside, left_over, repair_words, settled
from migrate_to_pg.report.tables import TableFacts, tables
from migrate_to_pg.report.words import duration, say, size, stage_name
from migrate_to_pg.rules.reference import rules_by_id

#: From this length on a reader is told where two values begin to differ.
_LONG = 60
#: How much of two long values is shown from there.
_EXCERPT = 20


def findings(report: Report) -> list[Finding]:
    """What stops the run first, then what was repaired, then the warnings."""
    return sorted(report.findings, key=lambda f: (not f.blocks, f.level is not Level.ERROR))


def status(finding: Finding, report: Report | None = None) -> str:
    """error, repaired, aside or warning: also the name of its style."""
    if not finding.applied:
        return finding.level.value
    return "aside" if is_aside(settled(finding, report)) else "repaired"


def finding_counts(report: Report) -> str:
    """1 error, 1 repaired, 1 set aside, 2 warnings: those that there are."""
    states = [status(f, report) for f in report.findings]
    counts = (
        ("error", "errors"),
        ("repaired", "repaired_errors"),
        ("aside", "errors_aside"),
        ("warning", "warnings"),
    )
    return ", ".join(say(words, n=states.count(state)) for state, words in counts if state in states)


def title(rule: str) -> str:
    """What a rule finds, in words; '' of one that is not known."""
    known = rules_by_id().get(rule)
    return gettext(known.title) if known else ""


def place(finding: Finding) -> str:
    """table, table.column, or table (a, b)."""
    if "," in finding.column:
        return f"{finding.table} ({finding.column})"
    return f"{finding.table}.{finding.column}" if finding.column else finding.table


def extent(finding: Finding) -> str:
    """3 rows; nothing for a fault of the schema, which has no rows to show."""
    return say("rows", n=finding.count) if finding.samples or finding.count > 1 else ""


def what_to_do(finding: Finding, report: Report | None = None) -> list[str]:
    """What was done, as accepted; or the remedy, and the repair and the quarantine that are offered."""
    words = {"rule": finding.rule, "repair": repair_words(finding.repair)}
    if finding.applied:
        return [say(way, **words) for way in settled(finding, report)]
    left = left_over(finding, report)
    remedy = [*filter(None, [left]), *finding.remedy.splitlines()]
    if "--fix" not in finding.remedy and not left:
        remedy += repair_offer(finding)
    if finding.quarantinable and "--quarantine" not in finding.remedy:
        remedy.append(say("quarantine_offered", **words))
    return remedy


def repair_offer(finding: Finding, option: str = "--fix") -> list[str]:
    """How many of the rows the repair was tried on with success; nothing where the rule has none."""
    words = {"option": option, "rule": finding.rule, "repair": repair_words(finding.repair)}
    if finding.repairable is None:
        return [say("repair_offered", **words)] if finding.repair else []
    if not finding.repairable:
        return [say("repair_of_none", n=finding.count, **words)]
    if finding.repairable < finding.count:
        return [say("repair_of_some", repaired=finding.repairable, n=finding.count, **words)]
    # A fault of the schema has no rows.
    way = "repair_of_rows" if finding.samples or finding.count > 1 else "repair_offered"
    return [say(way, repaired=finding.repairable, n=finding.count, **words)]


def key_text(key: Mapping[str, str]) -> str:
    """id = 17, or every part of a compound key."""
    return ", ".join(f"{name} = {value}" for name, value in key.items()) or say("no_key")


def sample_texts(edit: Edit, shown: int) -> list[str]:
    """The first cells, as id = 7: 'abc' -> 'ab', or the first rows with the reason."""
    if isinstance(edit, ChangedCells):
        return [say("cell_changed", key=key_text(c.key), old=c.old, new=c.new) for c in edit.samples[:shown]]
    return [say("row_aside", key=key_text(row.key), reason=row.reason) for row in edit.samples[:shown]]


def headline(difference: Difference) -> str:
    """Which row, which column, and what is wrong with it."""
    kind = difference.kind if difference.kind in ("missing", "extra", "unexplained") else "changed"
    if kind == "unexplained" and difference.column:
        kind = "unexplained_cell"
    # The record of a whole table or column may be at fault: then there is no row to name.
    about_row = difference.key or difference.kind != "unexplained"
    key = key_text(difference.key) if about_row else difference.table
    return say(kind, key=key, column=difference.column)


def both_values(difference: Difference) -> tuple[tuple[str, str], ...]:
    """(side, value) for each side; one line more where two long values begin to differ."""
    source, target = difference.source, difference.target
    if difference.kind == "unexplained":
        return _unconfirmed(source, target)
    if not difference.column and source is None and target is None:
        return ()
    show = ascii if _look_alike(source, target) else repr
    absent = say("null") if difference.column else say("no_row")
    sides = tuple(
        (side, absent if value is None else show(value))
        for side, value in ((say("sqlite"), source), (say("postgresql"), target))
    )
    return sides + _where_they_part(source, target)


def _unconfirmed(why: str | None, recorded: str | None) -> tuple[tuple[str, str], ...]:
    reason = () if why is None else ((say("why"), why),)
    return reason if recorded is None else (*reason, (say("recorded"), repr(recorded)))


def _look_alike(source: str | None, target: str | None) -> bool:
    """True where a reader could not tell the two apart: é written as one character or as two."""
    if source is None or target is None:
        return False
    return unicodedata.normalize("NFKC", source) == unicodedata.normalize("NFKC", target)


def _where_they_part(source: str | None, target: str | None) -> tuple[tuple[str, str], ...]:
    if source is None or target is None or max(len(source), len(target)) < _LONG:
        return ()
    same = takewhile(lambda pair: pair[0] == pair[1], zip(source, target, strict=False))
    start = sum(1 for _ in same)
    excerpts = {"source": ascii(source[start : start + _EXCERPT]), "target": ascii(target[start : start + _EXCERPT])}
    return (("", say("first_difference", position=start + 1, **excerpts)),)


def started(report: Report) -> str:
    """2026-01-12 10:00:00+01:00."""
    return report.started.replace("T", " ", 1)


#: Less time between the stages is not told.
_LITTLE = 0.01


def total_seconds(report: Report) -> float:
    """The time of the whole run."""
    return report.seconds or sum(stage.seconds for stage in report.stages)


def times(report: Report) -> list[tuple[str, float]]:
    """What each stage took, and what went by around them, so that all of it together is the whole time."""
    told = [(stage_name(stage.name), stage.seconds) for stage in report.stages]
    between = total_seconds(report) - sum(seconds for _, seconds in told)
    return [*told, (say("between_stages"), between)] if between > _LITTLE else told


def target_words(target: TargetFacts) -> str:
    """The server and the database, as a person names them."""
    if not target.embedded:
        return target.url
    return say("embedded_target", major=target.version.partition(".")[0], path=target.embedded)


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
    told = [say("would_be_left_out", n=kept.of), *could_stay(report)]
    return " ".join([*told, *([say("left_out_then", n=kept.of - kept.rows)] if kept.of > kept.rows else [])])


def could_stay(report: Report) -> list[str]:
    """The rows that would stay with more repairs, of all that quarantine leaves out."""
    kept = report.could_stay
    return [say("could_stay", n=kept.of, stay=kept.rows, rules=",".join(kept.fix))] if kept else []


def _success(report: Report) -> str:
    known = tables(report)
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
