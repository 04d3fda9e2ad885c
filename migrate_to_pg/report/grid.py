"""In: headings, rows, captions, texts by name. Out: the tables and lists of facts of the HTML page, all made alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from migrate_to_pg.report.markup import Html, el, join
from migrate_to_pg.report.words import say


def section(key: str, *content: Html, note: str = "") -> Html:
    """A part of the page under its heading; nothing at all where there is no content."""
    title = el("h2", say(key), *([el("small", note)] if note else []))
    return el("section", title, *content) if any(content) else join()


def grid(caption: str, headings: Sequence[str], rows: Iterable[Html], foot: Html | None = None) -> Html:
    """A table that is scrolled sideways where it is too wide; all columns but the first hold numbers."""
    titles = [el("th", text, scope="col", class_="number" if i else "") for i, text in enumerate(headings)]
    parts = [el("caption", caption), el("thead", el("tr", *titles)), el("tbody", *rows)]
    return el("div", el("table", *parts, *([el("tfoot", foot)] if foot else [])), class_="wide")


def number_row(name: str, numbers: Iterable[str], class_: str = "") -> Html:
    """A row of such a table: what it is about, then its numbers."""
    cells = (el("td", text, class_="number") for text in numbers)
    return el("tr", el("th", name, scope="row"), *cells, class_=class_)


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


def folded(key: str, content: Html, *, is_open: bool) -> Html:
    """What is unfolded by a click, and always on paper."""
    return el("details", el("summary", say(key)), content, class_="fold", open="open" if is_open else "")
