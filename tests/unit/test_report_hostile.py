"""What hostile data must never do to a report, and that none of it is lost."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import escape

import pytest

from migrate_to_pg.records import Sample, Verification, Verify
from migrate_to_pg.report.text_layout import visible
from migrate_to_pg.report.to_html import to_html
from migrate_to_pg.report.to_json import dumps
from migrate_to_pg.report.to_text import lines
from tests.unit.reports import (
    FAILED,
    FRENCH,
    HOSTILE,
    LONG,
    Page,
    check_all_tell,
    difference,
    finding,
    poisoned,
    table,
    terminal,
    unequal,
    without_colours,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_reaches_neither_terminal_nor_file_as_control_characters(text: str) -> None:
    report = poisoned(text)
    for shown in ("\n".join(lines(report)), without_colours(terminal(report)), to_html(report)):
        shown.encode()
        assert all(c.isprintable() or c == "\n" for c in shown)
    dumps(report).encode("ascii")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_for_what_it_is(text: str) -> None:
    shown = visible(text)
    check_all_tell(poisoned(text), f"{shown} = {shown}", f"Refused {shown}")


def test_a_line_break_in_a_name_is_shown() -> None:
    found = (finding(table="a\nb", column="c\nd", samples=(Sample(key={"e\nf": "g\nh"}, value="1"),)),)
    check_all_tell(replace(FAILED, findings=found), r"a\nb.c\nd", r"e\nf = g\nh")


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>&\"'", '" onload="alert(1)', "'><img src=x onerror=y>", "</style>"]
)
def test_the_page_holds_no_element_or_attribute_that_data_made(text: str) -> None:
    clean, page = Page(to_html(poisoned("clean"))), Page(to_html(poisoned(text)))
    assert page.elements == clean.elements
    assert page.attributes == clean.attributes
    assert text in page.text
    assert escape(text) in to_html(poisoned(text))


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "[link=http://x]y[/link]", ":smile:", "\\[bold]"])
def test_the_terminal_takes_no_data_for_markup(text: str) -> None:
    clean, shown = terminal(poisoned("y"), width=5_000), terminal(poisoned(text), width=5_000)
    assert re.findall(r"\x1b\[[0-9;]*m", shown) == re.findall(r"\x1b\[[0-9;]*m", clean)
    assert text in shown


def test_a_value_of_ten_thousand_characters_is_never_cut() -> None:
    report = replace(
        FAILED,
        findings=(finding(samples=(Sample(key={"id": "17"}, value=LONG),)),),
        verification=unequal(difference(source=LONG, target="short")),
    )
    folded = re.sub(r"\s", "", without_colours(terminal(report)))
    for text in ("\n".join(lines(report)), Page(to_html(report)).text, folded):
        assert text.count(LONG) == 2
    assert dumps(report).count(json.dumps(LONG)) == 2


def test_names_that_are_too_long_for_the_terminal_are_folded_not_cut() -> None:
    name = "".join(f"{i:04}_" for i in range(40))
    shown = terminal(replace(FAILED, verification=Verification(verify=Verify.CELLS, tables=(table(name),))), width=60)
    grid = shown[shown.index("Table") : shown.index("identit")]
    assert name in "".join(line.split(" ")[0] for line in without_colours(grid).splitlines())


def test_french_text_stays_french() -> None:
    check_all_tell(replace(FAILED, findings=(finding(explanation=FRENCH),)), "L’attribution a été refusée")
    assert visible("Erreur\u00a0: déjà\u202f?") == "Erreur\u00a0: déjà\u202f?"
