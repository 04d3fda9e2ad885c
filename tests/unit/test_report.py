"""What every rendering of a report tells: verdict, findings, differences, tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate_to_pg.i18n import use_language
from migrate_to_pg.records import Failure, Level, Report, Sample, Verification, Verify
from migrate_to_pg.report.to_html import to_html
from migrate_to_pg.report.to_text import lines
from tests.unit.reports import (
    FAILED,
    PUBLISHED,
    Page,
    check_all_tell,
    difference,
    everything,
    finding,
    table,
    terminal,
    unequal,
    without_colours,
)

UNDONE_FIRST = replace(
    PUBLISHED,
    mode="undo",
    publication=replace(PUBLISHED.publication, tables=(), archive="dated"),  # type: ignore[type-var]
)

# --- the verdict ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "first"),
    [
        (PUBLISHED, "Published: 7 rows in 1 table, schema public."),
        (replace(PUBLISHED, mode="rehearse", publication=None), "Your project can move: "),
        (replace(PUBLISHED, mode="check", publication=None, verification=None), "Ready: "),
        (replace(PUBLISHED, mode="undo"), "Undone: 1 table back in schema public, as before the publication; what"),
        (UNDONE_FIRST, "Undone: what was published, 1 table, was moved from schema public to schema dated; there were"),
        (replace(PUBLISHED, mode="something new"), "Done."),
        (replace(FAILED, findings=(finding(), finding())), "Blocked: 2 faults must be repaired or accepted first."),
        (FAILED, "The run did not succeed."),
        (
            replace(FAILED, failure=Failure(message="No server at db:5432.", detail=(), remedy="", exit_status=1)),
            "No server at db:5432.",
        ),
    ],
)
def test_the_verdict_comes_first(report: Report, first: str) -> None:
    assert lines(report)[0].startswith(first)
    assert without_colours(terminal(report)).startswith(first[:70])
    assert to_html(report).index("<h1>" + first) < to_html(report).index("</header>")


@pytest.mark.parametrize(
    ("mode", "english", "french"),
    [
        ("publish", "move", "transfert"),
        ("check", "check", "examen"),
        ("dump", "dump", "archivage"),
        ("rehearse", "rehearsal", "répétition"),
        ("verify_only", "verification", "vérification"),
        ("undo", "taking back", "annulation"),
        ("something new", "something new", "something new"),
    ],
)
def test_the_page_says_what_was_asked_for_in_the_language_of_the_reader(mode: str, english: str, french: str) -> None:
    report = replace(PUBLISHED, mode=mode)
    assert f" · {english} · " in to_html(report)
    with use_language("fr"):
        assert f" · {french} · " in to_html(report)


def test_a_failure_tells_message_then_detail_then_what_to_do() -> None:
    failure = Failure(
        message="PostgreSQL refused row 17.\ncourses_course",
        detail=("SQLSTATE 23502", "DETAIL: first\nsecond"),
        remedy="Look at row 17.",
        exit_status=1,
    )
    report = replace(FAILED, failure=failure)
    assert lines(report)[:6] == [
        "PostgreSQL refused row 17.",
        "  courses_course",
        "  SQLSTATE 23502",
        "  DETAIL: first",
        "  second",
        "  -> Look at row 17.",
    ]
    check_all_tell(report, "courses_course", "SQLSTATE 23502", "DETAIL: first second", "Look at row 17.")


def test_a_failed_run_says_that_nothing_was_published() -> None:
    check_all_tell(FAILED, "Nothing was published.")


def test_a_failure_after_publishing_does_not_deny_the_publication() -> None:
    failure = Failure(message="ANALYZE failed.", detail=(), remedy="", exit_status=1)
    report = replace(PUBLISHED, ok=False, failure=failure)
    check_all_tell(report, "This happened after the tables were published in schema public.")
    assert all("Nothing was published" not in text for text in everything(report).values())


def test_only_a_comparison_of_cells_is_called_verified() -> None:
    check_all_tell(PUBLISHED, "Compared: 70 cells, one by one, no difference.")
    counted = replace(PUBLISHED, verification=Verification(verify=Verify.COUNTS, tables=(table(cells_compared=0),)))
    check_all_tell(counted, "cells were not compared")
    assert all("Compared:" not in text for text in everything(counted).values())


def test_equal_values_in_another_form_are_told_with_the_comparison() -> None:
    written = finding(rule="written-otherwise", level=Level.WARNING, count=7)
    told = "The values are the same; 7 have another form than in the old file"
    check_all_tell(replace(PUBLISHED, findings=(written,)), "no difference", told)
    assert all("another form" not in text for text in everything(PUBLISHED).values())


def test_a_publication_tells_what_it_replaced_and_how_long_it_locked() -> None:
    check_all_tell(PUBLISHED, "The replaced tables (1 table) are kept", "schema public_20260112", "locked for 0.05 s")


def test_the_next_steps_close_the_text_and_open_the_page() -> None:
    assert lines(PUBLISHED)[-1] == "  1. Restart the application."
    page = to_html(PUBLISHED)
    assert page.index("Restart the application.") < page.index("<h2>Tables")


# --- findings ---------------------------------------------------------------------------------------------------------


def test_a_finding_is_shown_with_its_place_rows_cause_and_remedy() -> None:
    shown = lines(replace(FAILED, findings=(finding(repair="lossy", repairable=2),)))
    start = shown.index("error  foreign-key-orphan  attributions_attribution.course_id  3 rows")
    assert shown[start + 1 : start + 6] == [
        "  These rows name a course that does not exist.",
        "    id = 17: 'AGV211'",
        "    and 2 more rows",
        "  -> Create the courses.",
        "  -> --fix foreign-key-orphan repairs 2 of 3 (lossy): it has nothing to put in place of the others.",
    ]


def test_a_statement_to_copy_never_stands_without_the_sentence_before_it() -> None:
    remedy = "Copy its rows first. To remove it, after copying the file:\nDROP TRIGGER {0};\nDROP TABLE {0};"
    found = [finding(rule="leftover-table", table=name, remedy=remedy.format(name)) for name in ("one", "two")]
    report = replace(FAILED, findings=(*found, replace(found[1], table="again")))
    for text in (" ".join("\n".join(lines(report)).split()), " ".join(Page(to_html(report)).text.split())):
        assert "Copy its rows first. To remove it, after copying the file: DROP TRIGGER one;" in text
        assert "holds here, too. To remove it, after copying the file: DROP TRIGGER two; DROP TABLE two;" in text
        assert text.count("Copy its rows first.") == text.count("DROP TABLE two;") == 1


def test_errors_come_before_repaired_faults_and_those_before_warnings() -> None:
    found = (finding(rule="w-w", level=Level.WARNING), finding(rule="r-r", applied=True), finding(rule="e-e"))
    report = replace(FAILED, findings=found)
    check_all_tell(report, "1 error, 1 repaired, 1 warning")
    for text in everything(report).values():
        assert text.index("e-e") < text.index("r-r") < text.index("w-w")


def test_an_accepted_repair_is_told_in_place_of_the_remedy() -> None:
    repaired = replace(PUBLISHED, findings=(finding(applied=True, repair="lossless"),))
    check_all_tell(repaired, "accepted with --fix foreign-key-orphan (lossless)", "1 fault has a repair")
    assert all("Create the courses" not in text for text in everything(repaired).values())


def test_five_rows_of_a_finding_are_shown_and_the_others_counted() -> None:
    samples = tuple(Sample(key={"id": str(i)}, value=f"'v{i}'") for i in range(9))
    shown = lines(replace(FAILED, findings=(finding(count=1_234, samples=samples),)))
    assert [text for text in shown if text.startswith("    id = ")] == [f"    id = {i}: 'v{i}'" for i in range(5)]
    assert "    and 1,229 more rows" in shown


def test_a_fault_of_the_schema_claims_no_rows() -> None:
    shown = lines(replace(FAILED, findings=(finding(count=1, samples=(), column=""),)))
    assert "error  foreign-key-orphan  attributions_attribution" in shown


def test_several_columns_stand_in_brackets() -> None:
    check_all_tell(replace(FAILED, findings=(finding(column="code, level"),)), "attributions_attribution (code, level)")


# --- differences ------------------------------------------------------------------------------------------------------


def test_a_difference_is_shown_with_table_key_column_and_both_values() -> None:
    check_all_tell(
        replace(FAILED, verification=unequal(difference())),
        "Not equal: 1 difference in 1 table.",
        "courses_course",
        "id = 17: column hours is not the same",
        "'1.005'",
        "'1.00'",
    )


def test_missing_and_extra_rows_are_named() -> None:
    missing = difference(kind="missing", column="", source=None, target=None)
    extra = difference(kind="extra", column="", key={"id": "18"}, source=None, target=None)
    check_all_tell(
        replace(FAILED, verification=unequal(missing, extra)),
        "id = 17: the row is missing in PostgreSQL",
        "id = 18: the row is in PostgreSQL only",
    )


def test_null_is_not_the_text_null() -> None:
    shown = lines(replace(FAILED, verification=unequal(difference(source=None, target="NULL"))))
    assert [text.split(maxsplit=1)[1] for text in shown if "NULL" in text] == ["NULL", "'NULL'"]


def test_values_that_look_alike_are_spelled_out() -> None:
    alike = unequal(difference(source="é", target="e\u0301"), difference(source="a b", target="a\u00a0b"))
    check_all_tell(replace(FAILED, verification=alike), r"'\xe9'", r"'e\u0301'", r"'a\xa0b'")


def test_a_reader_is_told_where_two_long_values_part() -> None:
    check_all_tell(
        replace(FAILED, verification=unequal(difference(source="x" * 700 + "A", target="x" * 700 + "B"))),
        "from character 701: 'A' / 'B'",
    )


def test_differences_that_are_not_shown_are_counted() -> None:
    many = unequal(*(difference(key={"id": str(i)}) for i in range(30)), total=5_000)
    shown = lines(replace(FAILED, verification=many))
    assert sum("is not the same" in text for text in shown) == 10
    assert "  and 4,990 more differences" in shown
    assert "  report.html and report.json show the first 30" in shown
    page = Page(to_html(replace(FAILED, verification=many))).text
    assert page.count("is not the same") == 30
    assert "and 4,970 more differences" in page


def test_unequal_counts_are_differences_even_where_cells_were_not_compared() -> None:
    counts = Verification(verify=Verify.COUNTS, tables=(table(rows_target=5, cells_compared=0),))
    check_all_tell(
        replace(FAILED, verification=counts),
        "Not equal: 2 differences in 1 table.",
        "7 rows in SQLite, 5 in PostgreSQL",
    )


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_terminal_lists_the_largest_equal_tables_and_every_unequal_one() -> None:
    equal = [table(f"t{i:03}", rows_source=i, rows_target=i) for i in range(200)]
    verification = Verification(
        verify=Verify.CELLS, tables=(*equal, table("wrong", differences=1, samples=(difference(),)))
    )
    shown = [text.split() for text in lines(replace(FAILED, verification=verification, loaded=()))]
    start = next(i for i, words in enumerate(shown) if words[:2] == ["Table", "SQLite"])
    names = [words[0] for words in shown[start + 1 : start + 22]]
    assert names == ["wrong", *(f"t{i}" for i in range(199, 179, -1))]
    assert shown[start + 22][:4] == ["and", "180", "more", "tables,"]


def test_a_table_fits_80_columns_without_a_fold() -> None:
    wide = table("attributions_attribution", rows_source=2_000_000, rows_target=1_999_999, cells_compared=20_000_000)
    verification = Verification(verify=Verify.CELLS, tables=(replace(wide, differences=14, seconds=99.0),))
    shown = without_colours(terminal(replace(FAILED, verification=verification))).splitlines()
    assert all(len(text) <= 80 for text in shown)
    row = next(t for t in shown if t.startswith("attributions_attribution ") and "20,000,000" in t)
    assert row.split() == [
        "attributions_attribution",
        "2,000,000",
        "1,999,999",
        "20,000,000",
        "14",
        "1",
        "min",
        "39",
        "s",
    ]


def test_a_changed_source_is_said_aloud() -> None:
    assert PUBLISHED.source
    changed = replace(PUBLISHED, source=replace(PUBLISHED.source, sha256_after="bb" * 32))
    assert any("CHANGED during the run" in text for text in lines(changed))
    assert not any("CHANGED" in text for text in lines(PUBLISHED))
