"""Draw horizontal bar charts as SVG. The page shows the same figures as a table.

The stylesheet sets colours and fonts by class, because the Content-Security-Policy allows no inline style.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

#: In pixels. The last two are distances from the top of the row.
_ROW_HEIGHT, _BAR_HEIGHT, _TEXT_TOP, _BAR_TOP = 40, 12, 14, 20
#: In percent. The rest is for the limit line of the longest bar.
_MAX_WIDTH = 99.5
_MAX_LETTERS = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row: a value, its maximum and the text at its end."""

    label: str
    value: float
    #: Drawn behind the bar.
    maximum: float
    text: str
    #: "", "full" or "over": a class of the stylesheet.
    state: str = ""


def bar_chart(rows: Sequence[Bar], *, title: str) -> SafeString:
    """Draw the bars to one scale: the largest value or maximum fills the width.

    Lengths are percentages and heights are pixels, so that text stays readable on a telephone.
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
    """Format a percentage for SVG, which takes a decimal point in every language."""
    return f"{value:.2f}%"
