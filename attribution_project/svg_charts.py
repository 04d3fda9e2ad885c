"""Names and numbers in, an SVG of horizontal bars out; the table behind it is the page's.

Colours and fonts are the stylesheet's, by class: the page's policy allows no style within.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

#: Pixels from one row to the next, of a bar, and from the top of a row to its words and its bar.
_ROW, _BAR, _WORDS, _TOP = 40, 12, 14, 20
#: What the bars may fill of the width, in hundredths: the rest is for the mark of the longest.
_ROOM = 99.5
_MOST_LETTERS = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row: a part of a whole, and what stands at its end."""

    label: str
    value: float
    #: The whole, drawn behind the bar.
    most: float
    told: str
    #: "", "full" or "over": a class of the stylesheet.
    state: str = ""


def bars(rows: Sequence[Bar], *, title: str) -> SafeString:
    """Draw the bars to one scale: the largest of all values and wholes fills the width.

    Lengths are hundredths of the width and heights are pixels, so that words stay readable on a telephone.
    """
    scale = max((max(row.value, row.most) for row in rows), default=0) or 1
    drawn = format_html_join("", "{}", ((_row(row, index * _ROW, scale),) for index, row in enumerate(rows)))
    height = _ROW * len(rows)
    return format_html('<svg class="chart" height="{}" role="img" aria-label="{}">{}</svg>', height, title, drawn)


def _row(row: Bar, top: int, scale: float) -> SafeString:
    whole, value = (_length(_ROOM * length / scale) for length in (row.most, row.value))
    return format_html(
        '<text y="{words}">{label}</text><text class="told" x="100%" y="{words}">{told}</text>'
        '<rect class="whole" y="{bar}" width="{whole}" height="{height}" rx="3"/>'
        '<rect class="bar {state}" y="{bar}" width="{value}" height="{height}" rx="3"/>'
        '<line class="most" x1="{whole}" x2="{whole}" y1="{first}" y2="{last}"/>',
        label=row.label if len(row.label) <= _MOST_LETTERS else f"{row.label[: _MOST_LETTERS - 1]}…",
        told=row.told,
        state=row.state,
        whole=whole,
        value=value,
        height=_BAR,
        words=top + _WORDS,
        bar=top + _TOP,
        first=top + _TOP - 2,
        last=top + _TOP + _BAR + 2,
    )


def _length(value: float) -> str:
    """Hundredths as SVG has them, whatever the language."""
    return f"{value:.2f}%"
