"""In: headings, rows, captions, texts by name. Out: the tables and lists of facts of the HTML page, all made alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from migrate_to_pg.report.markup import Html, el, join
from migrate_to_pg.report.messages import say

#: A row of a table: what it is about, its other cells, its style.
Row = tuple[str, Sequence[str], str]


def section(key: str, *content: Html, note: str = "") -> Html:
    """A part of the page under its heading; nothing at all where there is no content."""
    return el("section", _heading(key, note), *content, id=_anchor(key)) if any(content) else join()


def folded_section(key: str, *content: Html, note: str = "", is_open: bool = False) -> Html:
    """The same, its content to be unfolded."""
    if not any(content):
        return join()
    state = "open" if is_open else ""
    return el("details", el("summary", _heading(key, note)), *content, class_="part", id=_anchor(key), open=state)


def _heading(key: str, note: str) -> Html:
    return el("h2", say(key), *([el("small", note)] if note else []))


def _anchor(key: str) -> str:
    return key.replace("_", "-")


def contents(parts: Iterable[tuple[str, Html]]) -> Html:
    """A list of the parts that there are, each leading to it."""
    links = [el("li", el("a", say(key), href=f"#{_anchor(key)}")) for key, part in parts if part]
    return el("nav", el("ul", *links), aria_label=say("contents")) if len(links) > 1 else join()


def grid(caption: str, headings: Sequence[str], rows: Iterable[Row], foot: Row | None = None, *, text: int = 1) -> Html:
    """A table whose first ``text`` columns hold text and the others numbers; on a phone each row is a list.

    There every cell says by itself what it is.
    """
    # The roles stay with the cells where the style sheet makes lists of them.
    titles = [
        el("th", title, scope="col", role="columnheader", class_="number" if i >= text else "")
        for i, title in enumerate(headings)
    ]
    head = el("thead", el("tr", *titles, role="row"), role="rowgroup")
    body = el("tbody", *(_row(row, headings, text) for row in rows), role="rowgroup")
    feet = [el("tfoot", _row(foot, headings, text), role="rowgroup")] if foot else []
    return el("table", el("caption", caption), head, body, *feet, class_="grid", role="table")


def _row(row: Row, headings: Sequence[str], text: int) -> Html:
    name, others, style = row
    cells = (
        el("td", cell, role="cell", class_="number" if i >= text else "", data_label=headings[i])
        for i, cell in enumerate(others, 1)
    )
    return el("tr", el("th", name, scope="row", role="rowheader"), *cells, class_=style, role="row")


def samples(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table of values: the first column names the row."""
    head = el("tr", *(el("th", say(key), scope="col") for key in headings))
    return el(
        "table", el("caption", caption), el("thead", head), el("tbody", *map(_sample_row, rows)), class_="samples"
    )


def _sample_row(texts: Sequence[str]) -> Html:
    first, *rest = (el("code", text) for text in texts)
    return el("tr", el("th", first, scope="row"), *(el("td", cell) for cell in rest))


def facts(told: Mapping[str, str]) -> Html:
    """Facts under the names that ``say`` has for them; those that are '' are left out."""
    return pairs({say(key): text for key, text in told.items() if text})


def pairs(told: Mapping[str, str]) -> Html:
    """Facts under names that are shown as they are."""
    parts = [part for name, text in told.items() for part in (el("dt", name), el("dd", el("code", text)))]
    return el("dl", *parts, class_="facts") if parts else join()
