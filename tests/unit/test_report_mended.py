"""What every rendering tells of the repairs: the account, the cells and rows, and the findings that they settled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate_to_pg.i18n import use_language
from migrate_to_pg.records import KeptRows, Report, Verification, Verify
from migrate_to_pg.records.repairs import Change, RemovedRow, RowOutcome
from migrate_to_pg.report.to_html import to_html
from migrate_to_pg.report.to_text import lines
from migrate_to_pg.report.verdict import left_out
from tests.unit.reports import (
    FAILED,
    MENDED,
    PUBLISHED,
    Page,
    aside,
    changed,
    check_all_tell,
    difference,
    everything,
    finding,
    table,
    terminal,
    without_colours,
)

Pair = tuple[str, str]
COUNTED = replace(
    MENDED,
    verification=Verification(
        verify=Verify.COUNTS,
        tables=(
            table("attributions_attribution", rows_source=1_003, rows_target=1_000, quarantined=3, cells_compared=0),
            table("courses_course", rows_source=201, rows_target=200, merged=1, cells_changed=17, cells_compared=0),
        ),
    ),
)


def check_none_tell(report: Report, *words: str) -> None:
    for name, text in everything(report).items():
        for word in words:
            assert word not in text, name


@pytest.mark.parametrize(
    ("rows", "english", "french"),
    [
        (1, ("1 of them refers to", "1 row of 7 stays with --fix x"), ("1 d’entre elles fait", "1 ligne sur 7 reste")),
        (
            2,
            ("2 of them refer to", "2 rows of 7 stay with --fix x"),
            ("2 d’entre elles font", "2 lignes sur 7 restent"),
        ),
    ],
)
def test_a_verb_agrees_with_its_own_number(rows: int, english: Pair, french: Pair) -> None:
    removed = (aside(count=7, following=rows),)
    report = replace(MENDED, removed=removed, could_stay=KeptRows(rows=rows, of=7, fix=("x",)))
    for language, (refers, stays) in (("en", english), ("fr", french)):
        with use_language(language):
            (sentence, more) = left_out(report)
        assert refers in sentence
        assert more.startswith(stays)


# --- the account ------------------------------------------------------------------------------------------------------


def test_every_row_and_changed_cell_is_accounted_for_under_the_verdict() -> None:
    account = "Accounted for: 1,204 rows in SQLite = 1,200 in PostgreSQL + 3 in quarantine + 1 merged. 17 cells changed"
    check_all_tell(
        MENDED, f"{account}, each recorded with its old and its new value.", "no difference but what the repairs did"
    )
    check_all_tell(
        COUNTED,
        f"{account}, each recorded with its old and its new value, but not compared",
        "Every row is accounted for",
    )


def test_rows_that_views_gave_are_told_apart_from_those_of_tables() -> None:
    assert MENDED.verification
    view = replace(
        MENDED.verification.tables[0], name="sqlite_leftovers.seen", rows_source=50, rows_target=50, of_view=True
    )
    view = replace(view, quarantined=0, merged=0, cells_changed=0)
    report = replace(MENDED, verification=replace(MENDED.verification, tables=(*MENDED.verification.tables, view)))
    account = "Accounted for: 1,204 rows in SQLite = 1,200 in PostgreSQL + 3 in quarantine + 1 merged."
    check_all_tell(report, f"{account} With 50 rows that views gave, 1,250 are in PostgreSQL. 17 cells changed")


def test_where_nothing_was_mended_nothing_is_told_of_mending() -> None:
    check_none_tell(PUBLISHED, "Accounted for", "What was changed or left out", "quarantine", "merged", "Journal")


def test_rows_set_aside_without_a_changed_cell_claim_no_cells() -> None:
    assert MENDED.verification
    verification = Verification(verify=Verify.CELLS, tables=(MENDED.verification.tables[0],))
    report = replace(MENDED, changed=(), verification=verification)
    check_all_tell(report, "Accounted for: 1,003 rows in SQLite = 1,000 in PostgreSQL + 3 in quarantine.")


def test_rows_that_neither_side_has_are_not_accounted_for() -> None:
    lost = table(rows_source=10, rows_target=6, quarantined=2, merged=1, cells_compared=0)
    report = replace(FAILED, removed=(aside(count=3),), verification=Verification(verify=Verify.COUNTS, tables=(lost,)))
    check_all_tell(
        report,
        "Not equal: 1 difference in 1 table.",
        "10 rows in SQLite, 6 in PostgreSQL, 2 in quarantine, 1 merged",
    )
    check_none_tell(report, "Accounted for", "is accounted for")


def test_what_the_verification_does_not_confirm_is_a_difference() -> None:
    cell = difference(kind="unexplained", source="text-too-long: the cut is another", target="ab")
    row = difference(kind="unexplained", column="", source="a row set aside is not kept", target=None)
    whole = difference(kind="unexplained", key={}, column="", source="2 reported, 1 in the journal", target=None)
    wrong = Verification(verify=Verify.CELLS, tables=(table(differences=3, samples=(cell, row, whole)),))
    shown = lines(replace(FAILED, verification=wrong))
    start = shown.index("  id = 17: the verification does not confirm the record of column hours")
    assert shown[start + 1 : start + 7] == [
        "    Why      text-too-long: the cut is another",
        "    Recorded 'ab'",
        "  id = 17: the verification does not confirm the record of the repairs",
        "    Why a row set aside is not kept",
        "  courses_course: the verification does not confirm the record of the repairs",
        "    Why 2 reported, 1 in the journal",
    ]
    check_all_tell(replace(FAILED, verification=wrong), "text-too-long: the cut is another", "'ab'")


# --- the tables -------------------------------------------------------------------------------------------------------


def grid(report: Report, width: int) -> list[list[str]]:
    shown = without_colours(terminal(report, width)).splitlines()
    start = next(i for i, text in enumerate(shown) if text.startswith("Table"))
    return [
        text.split()
        for text in shown[start : start + 1 + len(report.verification.tables if report.verification else ())]
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_the_tables_show_the_account_on_one_line_each(width: int) -> None:
    assert grid(MENDED, width) == [
        ["Table", "SQLite", "PostgreSQL", "Quarantined", "Merged", "Changed"],
        ["attributions_attribution", "1,003", "1,000", "3", "0", "0"],
        ["courses_course", "151", "150", "0", "1", "17"],
        ["auth_user", "50", "50", "0", "0", "0"],
    ]
    page = Page(to_html(MENDED)).text
    assert "PostgreSQLQuarantinedMergedChangedCellsTime" in page


def test_changed_cells_alone_leave_the_columns_of_equal_tables_as_they_are() -> None:
    report = replace(MENDED, verification=Verification(verify=Verify.CELLS, tables=(table(cells_changed=2),)))
    assert grid(report, 80)[0] == ["Table", "Rows", "Changed", "Cells", "Time"]


def test_a_mended_table_is_listed_however_small_it_is() -> None:
    large = [table(f"t{i:03}", rows_source=900 + i, rows_target=900 + i) for i in range(30)]
    report = replace(
        MENDED, verification=Verification(verify=Verify.CELLS, tables=(*large, table("small", cells_changed=1)))
    )
    assert any(text.startswith("small ") for text in lines(report))


def test_the_record_tells_what_a_failed_run_had_mended() -> None:
    report = replace(MENDED, ok=False, verification=None, publication=None, loaded=PUBLISHED.loaded)
    assert ["courses_course", "7", "1", "17"] in [text.split() for text in lines(report)]


# --- what was mended --------------------------------------------------------------------------------------------------


def test_the_cells_and_rows_are_told_by_rule_and_place() -> None:
    shown = lines(MENDED)
    start = shown.index("What was changed or left out  17 cells changed, 3 rows in quarantine, 1 row merged")
    assert shown[start + 1 : start + 16] == [
        "The repairs were made on a copy; SQLite itself was not touched.",
        "",
        "text-too-long (lossy)  courses_course.name  17 cells changed",
        "    id = 7: 'abc' -> 'ab'",
        "    and 16 more cells",
        "",
        "foreign-key-orphan  attributions_attribution  3 rows in quarantine",
        "    id = 17: Key without a parent row: course_id",
        "    and 2 more rows",
        "",
        "duplicate-key (lossy)  courses_course  1 row merged",
        "    id = 9: same code as id = 3",
        "",
        "report.html and report.json show more of each.",
        "All of it, in SQLite's own values: /srv/kept.journal.sqlite3",
    ]
    check_all_tell(MENDED, "tables migrate_to_pg.quarantine and migrate_to_pg.changed_cell")


def test_a_cell_that_was_changed_twice_is_one_cell() -> None:
    again = changed(rule="nul-in-text", count=5)
    check_all_tell(replace(MENDED, changed=(*MENDED.changed, again)), "17 cells changed by 22 edits, 3 rows")


def test_what_was_not_published_is_not_said_to_be_on_the_target() -> None:
    check_none_tell(replace(MENDED, mode="rehearse", publication=None), "changed_cell")


def test_five_are_shown_on_a_terminal_and_fifty_on_the_page() -> None:
    cells = tuple(Change(key={"id": str(i)}, old=f"'o{i}'", new=f"'n{i}'") for i in range(60))
    rows = tuple(RemovedRow(key={"id": str(i)}, reason=f"because-{i}", row={"kept": i}) for i in range(60))
    report = replace(
        PUBLISHED, changed=(changed(count=2_000, samples=cells),), removed=(aside(count=60, samples=rows),)
    )
    text, page = "\n".join(lines(report)), Page(to_html(report)).text
    assert (text.count("'o"), text.count("because-")) == (5, 5)
    assert (page.count("'o"), page.count("because-"), page.count('"kept"')) == (50, 50, 50)
    assert "and 1,995 more cells" in text
    assert "and 55 more rows" in text
    assert "and 1,950 more cells" in page
    assert "and 10 more rows" in page


def test_the_page_unfolds_the_whole_row_that_was_set_aside() -> None:
    text = Page(to_html(MENDED)).text
    assert '"course_id": 99' in text
    assert '"code": "LEPL1101"' in text
    assert to_html(MENDED).count('<details class="row">') == 2


# --- findings ---------------------------------------------------------------------------------------------------------


def test_rows_in_quarantine_are_set_aside_and_not_repaired() -> None:
    check_all_tell(
        MENDED,
        "2 repaired, 1 left out",
        "These rows were left out with --quarantine foreign-key-orphan.",
        "1 fault has rows that were left out with --quarantine.",
        "The repair was accepted with --fix text-too-long (lossy).",
        "The repair was accepted with --fix duplicate-key (lossy).",
    )
    check_none_tell(MENDED, "--fix foreign-key-orphan")


def test_a_fault_repaired_in_part_says_what_became_of_the_rest() -> None:
    cells = changed(rule="foreign-key-orphan", table="attributions_attribution", column="course_id", count=1)
    report = replace(MENDED, changed=(cells,), removed=(aside(count=2),), findings=MENDED.findings[:1])
    check_all_tell(
        report,
        "The repair was accepted with --fix foreign-key-orphan (lossy).",
        "The rest of these rows were left out, or repaired for another of their faults.",
    )
    check_none_tell(replace(report, changed=(replace(cells, count=3),)), "The rest of these rows")


@pytest.mark.parametrize("repair", ["lossy", ""])
def test_a_fault_whose_rows_were_quarantined_for_another_is_not_repaired(repair: str) -> None:
    gone = finding(rule="numeric-overflow", applied=True, quarantinable=True, repair=repair)
    report = replace(MENDED, changed=(), removed=(aside(count=3),), findings=(gone,))
    check_all_tell(
        report,
        "1 left out",
        "Left out: these rows went into quarantine for another of their faults.",
        "1 fault was settled together with another one.",
    )
    check_none_tell(report, "repaired", "accepted with --fix", "--fix numeric-overflow")


def test_a_fault_that_may_have_gone_with_another_ones_repair_is_not_called_accepted() -> None:
    gone = finding(rule="null-in-not-null", applied=True, quarantinable=True, repair="lossy")
    cells = changed(rule="code-in-key", table=gone.table, column=gone.column)
    report = replace(MENDED, changed=(cells,), findings=(gone,))
    check_all_tell(
        report, "These rows were repaired, or left out, for another of their faults.", "1 fault was settled together"
    )
    check_none_tell(report, "--fix null-in-not-null", "accepted with --fix")


def test_a_repair_of_the_schema_is_accepted_whatever_became_of_rows() -> None:
    repaired = finding(rule="dangling-foreign-key", samples=(), count=1, applied=True, repair="lossless")
    check_all_tell(replace(MENDED, findings=(repaired,)), "accepted with --fix dangling-foreign-key (lossless)")


def test_quarantine_is_offered_where_rows_could_be_set_aside() -> None:
    check_all_tell(
        replace(FAILED, findings=(finding(quarantinable=True),)),
        "Create the courses.",
        "--quarantine foreign-key-orphan leaves these rows, and those that refer to them, out of PostgreSQL.",
    )
    check_none_tell(replace(FAILED, findings=(finding(),)), "--quarantine")


def test_a_fault_that_was_repaired_in_part_says_what_is_left() -> None:
    cells = changed(rule="foreign-key-orphan", table="attributions_attribution", column="course_id", count=4)
    report = replace(FAILED, changed=(cells,), findings=(finding(repair="lossy"),))
    check_all_tell(report, "--fix foreign-key-orphan changed 4 cells and cannot repair the rest.")


def test_merged_rows_are_no_quarantine() -> None:
    merged = aside(rule="duplicate-key", table="courses_course", outcome=RowOutcome.MERGED)
    report = replace(MENDED, removed=(merged,), findings=MENDED.findings[2:])
    check_all_tell(report, "1 repaired", "The repair was accepted with --fix duplicate-key (lossy).")
    check_none_tell(report, "left out with")


def test_keys_that_lost_their_row_to_quarantine_are_told_apart() -> None:
    found = finding(count=48, repair="lossy", applied=True)
    nulled = changed(rule=found.rule, table=found.table, column=found.column, count=96, following=48)
    report = replace(MENDED, findings=(found,), changed=(nulled,))
    check_all_tell(report, "96 cells changed; 48 of them since the rows that they refer to are in quarantine")
    # A later verification knows of no findings.
    check_all_tell(replace(report, findings=()), "96 cells changed; 48 of them since")
    others = everything(replace(report, findings=(), changed=(replace(nulled, following=0),)))
    assert [name for name, text in others.items() if "since the row" in text] == []
