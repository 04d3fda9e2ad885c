"""Names and numbers in, an SVG of horizontal bars out; the table behind it is the page's.

Colours and fonts are the stylesheet's, by class: the page's policy allows no style within.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

#: Pixels from one row to the next, of a bar, and from the top of a row to its words and its bar.
_ROW_HEIGHT, _BAR_HEIGHT, _TEXT_TOP, _BAR_TOP = 40, 12, 14, 20
#: What the bars may fill of the width, in hundredths: the rest is for the mark of the longest.
_MAX_WIDTH = 99.5
_MAX_LETTERS = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row: a part of a whole, and what stands at its end."""

    label: str
    value: float
    #: The whole, drawn behind the bar.
    maximum: float
    text: str
    #: "", "full" or "over": a class of the stylesheet.
    state: str = ""


def bar_chart(rows: Sequence[Bar], *, title: str) -> SafeString:
    """Draw the bars to one scale: the largest of all values and wholes fills the width.

    Lengths are hundredths of the width and heights are pixels, so that words stay readable on a telephone.
    """
    scale = max((max(row.value, row.maximum) for row in rows), default=0) or 1
    drawn = format_html_join("", "{}", ((_row(row, index * _ROW_HEIGHT, scale),) for index, row in enumerate(rows)))
    height = _ROW_HEIGHT * len(rows)
    return format_html('<svg class="chart" height="{}" role="img" aria-label="{}">{}</svg>', height, title, drawn)


def _row(row: Bar, top: int, scale: float) -> SafeString:
    total, value = (_length(_MAX_WIDTH * length / scale) for length in (row.maximum, row.value))
    return format_html(
        '<text y="{text_y}">{label}</text><text class="amount" x="100%" y="{text_y}">{text}</text>'
        '<rect class="total" y="{bar}" width="{total}" height="{height}" rx="3"/>'
        '<rect class="bar {state}" y="{bar}" width="{value}" height="{height}" rx="3"/>'
        '<line class="limit" x1="{total}" x2="{total}" y1="{first}" y2="{last}"/>',
        label=row.label if len(row.label) <= _MAX_LETTERS else f"{row.label[: _MAX_LETTERS - 1]}…",
        text=row.text,
        state=row.state,
        total=total,
        value=value,
        height=_BAR_HEIGHT,
        text_y=top + _TEXT_TOP,
        bar=top + _BAR_TOP,
        first=top + _BAR_TOP - 2,
        last=top + _BAR_TOP + _BAR_HEIGHT + 2,
    )


def _length(value: float) -> str:
    """Hundredths as SVG has them, whatever the language."""
    return f"{value:.2f}%"
