"""Order and format findings, differences and times: what the text, the page and report.json have in common."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import ngettext, number, pluralize, size
from migrate_to_pg.records import Difference, Exported, Finding, Level, MadeFile, Report, SourceFacts, TargetFacts
from migrate_to_pg.report.repairs import is_quarantined, remaining, repair_label, resolutions
from migrate_to_pg.report.text_layout import stage_name, visible
from migrate_to_pg.rules.docs import rules_by_id

#: From this length on a reader sees where two values begin to differ.
_LONG = 60
#: How much of two long values is shown from there.
_EXCERPT = 20
#: Less time than this between the stages is not shown.
_BETWEEN_SECONDS = 0.01
#: Rows of the table of what blocks a run: with what is above and below it they fill a screen of 30 lines.
BLOCKING_ROWS = 14
#: Where one sentence ends and the next begins.
_NEXT_SENTENCE = re.compile(r"(?<=[.!?]) (?=\W?[^\W\d_a-z])")


# --- findings ---------------------------------------------------------------------------------------------------------


def findings(report: Report) -> list[Finding]:
    """Order what stops the run first, then what was repaired, then the warnings."""
    return sorted(report.findings, key=lambda f: (not f.blocks, f.level is not Level.ERROR))


def groups(ordered: Sequence[Finding]) -> list[list[Finding]]:
    """Keep the findings in their order, but those of one rule together."""
    first: dict[str, int] = {}
    for position, finding in enumerate(ordered):
        first.setdefault(finding.rule, position)

    def key(finding: Finding) -> tuple[bool, bool, int]:
        # What stops the run stays before what does not.
        return not finding.blocks, finding.level is not Level.ERROR, first[finding.rule]

    return [list(group) for __, group in groupby(sorted(ordered, key=key), key=key)]


class Sentences:
    """Remember the sentences about a group of findings, so that none is repeated."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def new(self, texts: Iterable[str]) -> list[str]:
        """Return the texts without the sentences that were returned before."""
        left = []
        for text in texts:
            unseen = [sentence for sentence in _NEXT_SENTENCE.split(text) if sentence not in self._seen]
            self._seen.update(unseen)
            left.append(" ".join(unseen))
        return [text for text in left if text]

    def advice(self, remedy: Iterable[str]) -> list[str]:
        """Return an advice without what was advised before, but never a line to be copied without its sentence.

        Where sentences are left out before such a line, the advice refers to them.
        """
        blocks: list[tuple[str, list[str]]] = []
        for text, is_copied in lines_to_copy(remedy):
            if is_copied:
                blocks[-1][1].append(text)
            else:
                blocks.append((text, []))
        return [line for text, copied in blocks for line in self._advised(text, copied)]

    def _advised(self, text: str, copied: list[str]) -> list[str]:
        if not copied:
            return self.new([text])
        sentences = _NEXT_SENTENCE.split(text)
        if self._seen.issuperset([*sentences, *copied]):
            return []
        unseen = [sentence for sentence in sentences[:-1] if sentence not in self._seen]
        above = [_("Mind the advice above first: it holds here, too.")] if len(unseen) < len(sentences) - 1 else []
        self._seen.update(sentences, copied)
        return [" ".join([*above, *unseen, sentences[-1]]), *copied]


def lines_to_copy(remedy: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each line of an advice, and whether it is to be copied: one after a colon, and each further statement."""
    is_copied, before = False, ""
    for text in remedy:
        is_copied = before.endswith(":") or (is_copied and text.endswith(";"))
        before = text
        yield text, is_copied


def status(finding: Finding, report: Report | None = None) -> str:
    """Return error, repaired, quarantined or warning: also the name of its style."""
    if not finding.applied:
        return finding.level.value
    return "quarantined" if is_quarantined(resolutions(finding, report)) else "repaired"


def status_label(state: str) -> str:
    """Translate a status."""
    labels = {"error": _("error"), "repaired": _("repaired"), "quarantined": _("left out"), "warning": _("warning")}
    return labels[state]


def finding_counts(report: Report) -> str:
    """Format 1 error, 1 repaired, 1 left out, 2 warnings: those that there are."""
    states = [status(finding, report) for finding in report.findings]
    count = {state: states.count(state) for state in ("error", "repaired", "quarantined", "warning")}
    counts = {
        "error": ngettext("{n:,} error", "{n:,} errors", count["error"]),
        "repaired": ngettext("{n:,} repaired", "{n:,} repaired", count["repaired"]),
        "quarantined": ngettext("{n:,} left out", "{n:,} left out", count["quarantined"]),
        "warning": ngettext("{n:,} warning", "{n:,} warnings", count["warning"]),
    }
    return ", ".join(text for state, text in counts.items() if count[state])


def title(rule: str) -> str:
    """Name what a rule finds. Return '' for a rule that is not known."""
    known = rules_by_id().get(rule)
    return _(known.title) if known else ""


def makes_file(mode: str) -> bool:
    """Return whether a run of that mode makes a SQLite file."""
    return mode in ("move_back", "rebuild")


def place(finding: Finding) -> str:
    """Format table, table.column, or table (a, b)."""
    if "," in finding.column:
        return visible(f"{finding.table} ({finding.column})")
    return visible(finding.place)


def extent(finding: Finding) -> str:
    """Format 3 rows. Return '' for a fault of the schema, which has no rows to show."""
    return pluralize(finding.count, "row", "rows") if finding.samples or finding.count > 1 else ""


def what_to_do(finding: Finding, report: Report | None) -> list[str]:
    """Describe what was done, as accepted, or else the remedy, and the repair and the quarantine that are offered."""
    if finding.applied:
        label = repair_label(finding.repair)
        return [_(found.value, rule=finding.rule, repair=label) for found in resolutions(finding, report)]
    left = remaining(finding, report)
    remedy = [*([left] if left else []), *finding.remedy.splitlines()]
    if "--fix" not in finding.remedy and not left:
        remedy += repair_offer(finding)
    if finding.quarantinable and "--quarantine" not in finding.remedy:
        rule = finding.rule
        remedy.append(
            _("--quarantine {rule} leaves these rows, and those that refer to them, out of the file.", rule=rule)
            if report is not None and makes_file(report.mode)
            else _("--quarantine {rule} leaves these rows, and those that refer to them, out of PostgreSQL.", rule=rule)
        )
    return remedy


def made_file(made: MadeFile) -> str:
    """Format the path, 2.0 KiB, 1 table, 7 rows."""
    return f"{made.path}; {source_size(made)}"


def repair_offer(finding: Finding, option: str = "--fix") -> list[str]:
    """Report on how many of the rows the repair was tried with success, if the rule has one."""
    values = {
        "option": option,
        "rule": finding.rule,
        "repair": repair_label(finding.repair),
        "repaired": finding.repairable,
        "n": finding.count,
    }
    # A fault of the schema has no rows.
    if finding.repairable is None or (finding.repairable and not extent(finding)):
        return [_("{option} {rule} repairs this ({repair}).", **values)] if finding.repair else []
    if not finding.repairable:
        return [_("{option} {rule} repairs 0 of {n:,}: it has nothing to put in place of what is there.", **values)]
    if finding.repairable < finding.count:
        return [
            _(
                "{option} {rule} repairs {repaired:,} of {n:,} ({repair}): it has nothing to put in place of the"
                " others.",
                **values,
            )
        ]
    return [_("{option} {rule} repairs {repaired:,} of {n:,} ({repair}).", **values)]


# --- what blocks a run ------------------------------------------------------------------------------------------------


def is_blocked(report: Report) -> bool:
    """Return whether findings are why the run did not succeed."""
    return not report.ok and any(finding.blocks for finding in report.findings)


def blocking_headings() -> list[str]:
    """Return the headings of ``blocking_rows``."""
    return [_("Rule"), _("Where"), _("Repair"), _("Rows")]


def blocking_rows(report: Report) -> list[tuple[str, ...]]:
    """List rule, place, what repairs it, rows: one line a finding, or one a rule where there would be too many."""
    by_rule = groups([finding for finding in findings(report) if finding.blocks])
    lines = [[finding] for group in by_rule for finding in group]
    shown = lines if len(lines) <= BLOCKING_ROWS else by_rule
    rows: list[tuple[str, ...]] = []
    for group in shown[:BLOCKING_ROWS]:
        where = place(group[0]) if len(group) == 1 else place_count(len({place(finding) for finding in group}))
        rows.append((group[0].rule, where, _repairs(group), number(sum(finding.count for finding in group))))
    if len(shown) > BLOCKING_ROWS:
        more = ngettext("and {n:,} more rule", "and {n:,} more rules", len(shown) - BLOCKING_ROWS)
        rows.append((more, "", "", ""))
    return rows


def place_count(count: int) -> str:
    """Format 3 places."""
    return ngettext("{n:,} place", "{n:,} places", count)


def _repairs(group: Sequence[Finding]) -> str:
    """Format lossless, lossy, or both, with a number if that does not repair all. Format none if nothing does."""
    labels = ", ".join(repair_label(repair) for repair in dict.fromkeys(f.repair for f in group if f.repair))
    if not labels:
        return _("none (quarantine)") if any(f.quarantinable for f in group) else _("none")
    count = sum(finding.count for finding in group)
    repaired = count - sum(finding.beyond_repair for finding in group)
    if repaired == count:
        return labels
    return ngettext("{how}, {n:,} row", "{how}, {n:,} rows", repaired, how=labels)


def how_to_go_on(report: Report) -> str:
    """Introduce the command that continues the run, after the findings that neither repair nor quarantine settles."""
    left = (f for f in report.findings if f.blocks and f.beyond_repair and not f.quarantinable)
    rules = ", ".join(dict.fromkeys(finding.rule for finding in left))
    return _("First do what these findings say ({rules}), then:", rules=rules) if rules else _("To go on:")


# --- differences ------------------------------------------------------------------------------------------------------


def key_text(key: Mapping[str, str]) -> str:
    """Format id = 17, or every part of a compound key."""
    return visible(", ".join(f"{name} = {value}" for name, value in key.items())) or _("row without a key")


def headline(difference: Difference) -> str:
    """Name the row, the column, and what is wrong with it."""
    values = {"key": key_text(difference.key), "column": difference.column}
    if difference.kind == "missing":
        return _("{key}: the row is missing in PostgreSQL", **values)
    if difference.kind == "extra":
        return _("{key}: the row is in PostgreSQL only", **values)
    if difference.kind != "unexplained":
        return _("{key}: column {column} is not the same", **values)
    # The record of a complete table or column may be at fault: then there is no row to name.
    values["key"] = values["key"] if difference.key else difference.table
    if difference.column:
        return _("{key}: the verification does not confirm the record of column {column}", **values)
    return _("{key}: the verification does not confirm the record of the repairs", **values)


def both_values(difference: Difference) -> list[tuple[str, str]]:
    """List (side, value) for each side. Add the place at which two long values begin to differ."""
    source, target = difference.source, difference.target
    if difference.kind == "unexplained":
        reason = [] if source is None else [(_("Why"), source)]
        return reason if target is None else [*reason, (_("Recorded"), repr(target))]
    if not difference.column and source is None and target is None:
        return []
    # é may be one character or two, which look alike.
    glyphs = {unicodedata.normalize("NFKC", value or "") for value in (source, target)}
    show = ascii if len(glyphs) == 1 else repr
    absent = _("NULL") if difference.column else _("no row")
    sides = [
        (side, absent if value is None else show(value))
        for side, value in ((_("SQLite"), source), (_("PostgreSQL"), target))
    ]
    return sides + _first_difference(source, target)


def _first_difference(source: str | None, target: str | None) -> list[tuple[str, str]]:
    if source is None or target is None or max(len(source), len(target)) < _LONG:
        return []
    same = takewhile(lambda pair: pair[0] == pair[1], zip(source, target, strict=False))
    start = sum(1 for __ in same)
    excerpt = slice(start, start + _EXCERPT)
    values = {"source": ascii(source[excerpt]), "target": ascii(target[excerpt])}
    return [("", _("from character {position:,}: {source} / {target}", position=start + 1, **values))]


# --- the run ----------------------------------------------------------------------------------------------------------


def total_seconds(report: Report) -> float:
    """Return the time of the complete run."""
    return report.seconds or sum(stage.seconds for stage in report.stages)


def times(report: Report) -> list[tuple[str, float]]:
    """List what each stage took, and what went by around them, so that the sum is the time of the complete run."""
    stages = [(stage_name(stage.name), stage.seconds) for stage in report.stages]
    between = total_seconds(report) - sum(seconds for __, seconds in stages)
    return [*stages, (_("everything else"), between)] if between > _BETWEEN_SECONDS else stages


def target_label(target: TargetFacts) -> str:
    """Name the server and the database as a person does."""
    if not target.embedded:
        return target.url
    major = target.version.partition(".")[0]
    return _("embedded PostgreSQL {major} in {path}", major=major, path=target.embedded)


def target_version(target: TargetFacts) -> str:
    """Name the server's version and the schema."""
    return _("PostgreSQL {version}, schema {schema}", version=target.version, schema=target.schema)


def source_size(source: SourceFacts | MadeFile) -> str:
    """Format 2.0 KiB, 1 table, 7 rows."""
    held = [pluralize(source.tables, "table", "tables"), pluralize(source.rows, "row", "rows")]
    return ", ".join([size(source.bytes), *held])


def export_size(export: Exported) -> str:
    """Name the archive, its size and what it is for."""
    return _("{path}; {size}, for pg_restore", path=export.path, size=size(export.bytes))
