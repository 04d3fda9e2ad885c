"""What was measured in, an SVG out: attributions a second, and the slowest hundredth, over the number of clients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

WIDTH, HEIGHT, GAP = 760, 340, 70
LEFT, TOP, BOTTOM = 56, 34, 76
SPAN = (WIDTH - LEFT - 16 - GAP) / 2
STYLE = (
    "text{fill:#333}.grid{stroke:#ccc}.c0{stroke:#8a8a8a;fill:#8a8a8a}.c1{stroke:#b4540a;fill:#b4540a}"
    ".c2{stroke:#1d5fa8;fill:#1d5fa8}polyline{fill:none!important;stroke-width:2.5}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#555}.c0{stroke:#aaa;fill:#aaa}"
    ".c1{stroke:#f2a65a;fill:#f2a65a}.c2{stroke:#7db7f2;fill:#7db7f2}}"
)


class Point(Protocol):
    """One database under so many clients."""

    @property
    def database(self) -> str:
        """Its name."""

    @property
    def clients(self) -> int:
        """How many at once."""

    @property
    def rate(self) -> float:
        """Attributions a second."""

    def percentile(self, wanted: int) -> float:
        """Milliseconds."""


def plot(found: Sequence[Point]) -> str:
    """One self-contained picture of two charts."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="13" role="img" aria-label="Attributions a second and p99 over clients"><style>{STYLE}</style>'
    )
    names = list(dict.fromkeys(one.database for one in found))
    charts = (
        *chart(found, names, LEFT, "attributions a second", lambda one: one.rate),
        *chart(found, names, LEFT + SPAN + GAP, "p99 of an attribution, ms", lambda one: one.percentile(99)),
    )
    return "\n".join([head, *charts, *legend(names), "</svg>"]) + "\n"


def chart(
    found: Sequence[Point], names: Sequence[str], left: float, title: str, value: Callable[[Point], float]
) -> Iterator[str]:
    """Axes from nought, and a line for each database."""
    top = nice(max(value(one) for one in found))
    counts = sorted({one.clients for one in found})

    def place(one: Point) -> tuple[float, float]:
        x = left + counts.index(one.clients) * SPAN / max(len(counts) - 1, 1)
        return x, HEIGHT - BOTTOM - value(one) / top * (HEIGHT - TOP - BOTTOM)

    yield f'<text x="{left:.0f}" y="18" font-weight="bold">{title}</text>'
    for step in range(5):
        y = HEIGHT - BOTTOM - step / 4 * (HEIGHT - TOP - BOTTOM)
        yield f'<line class="grid" x1="{left:.0f}" y1="{y:.1f}" x2="{left + SPAN:.0f}" y2="{y:.1f}"/>'
        yield f'<text x="{left - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{top * step / 4:,.0f}</text>'
    for number, count in enumerate(counts):
        x = left + number * SPAN / max(len(counts) - 1, 1)
        yield f'<text x="{x:.0f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{count}</text>'
    yield f'<text x="{left + SPAN / 2:.0f}" y="{HEIGHT - BOTTOM + 38}" text-anchor="middle">clients</text>'
    for number, name in enumerate(names):
        places = [place(one) for one in found if one.database == name]
        yield f'<polyline class="c{number}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
        yield from (f'<circle class="c{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places)


def nice(most: float) -> float:
    """The next round number above."""
    power = 10.0 ** math.floor(math.log10(max(most, 1)))
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if most <= power * step)


def legend(names: Sequence[str]) -> Iterator[str]:
    """Which line is whose."""
    for number, name in enumerate(names):
        x = LEFT + number * (WIDTH - LEFT) / 3
        yield f'<circle class="c{number}" cx="{x:.0f}" cy="{HEIGHT - 16}" r="5"/>'
        yield f'<text x="{x + 10:.0f}" y="{HEIGHT - 12}">{name}</text>'
