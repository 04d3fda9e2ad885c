"""Measured points in, an SVG out: seconds over rows, both logarithmic, readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

#: rows, seconds of the whole run, seconds of the load.
Point = tuple[int, float, float]

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 28, 52


def scaling_plot(points: Sequence[Point]) -> str:
    """One self-contained picture."""
    low, high = math.log10(points[0][0]), math.log10(points[-1][0])
    top = math.ceil(math.log10(max(point[1] for point in points)))
    bottom = math.floor(math.log10(min(point[2] for point in points)))

    def place(rows: float, seconds: float) -> tuple[float, float]:
        x = LEFT + (math.log10(rows) - low) / max(high - low, 1e-9) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (math.log10(seconds) - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)
        return x, y

    lines = [*axes(place, points, bottom, top)]
    for name, column in (("whole run", 1), ("load", 2)):
        lines += curve(name, [place(point[0], point[column]) for point in points])
    return "\n".join([head(), *lines, "</svg>"]) + "\n"


def head() -> str:
    """The frame, and its colours."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="13" role="img" aria-label="Seconds over rows, both logarithmic">'
        "<style>text{fill:#333}.grid{stroke:#ccc}.run{stroke:#1d5fa8}.load{stroke:#b4540a}"
        ".run,.load{fill:none;stroke-width:2.5}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#555}.run{stroke:#7db7f2}.load{stroke:#f2a65a}}"
        "</style>"
    )


def axes(place, points: Sequence[Point], bottom: int, top: int) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """A line for each power of ten of seconds and for each size that was measured."""
    for power in range(bottom, top + 1):
        x, y = place(points[0][0], 10.0**power)
        yield f'<line class="grid" x1="{x:.0f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield f'<text x="{x - 8:.0f}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>'
    for rows, _, _ in points:
        x, y = place(rows, 10.0**bottom)
        yield f'<text x="{x:.0f}" y="{y + 22:.1f}" text-anchor="middle">{rows / 1e6:g} M</text>'
    yield f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">attributions</text>'


def curve(name: str, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    """A line, a dot for each point, and its name."""
    kind = name.split()[-1]
    yield f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
    for x, y in places:
        yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    # Above the middle of a line that rises there is room.
    x, y = places[len(places) // 2]
    yield f'<text x="{x - 6:.1f}" y="{y - 12:.1f}" text-anchor="end">{name}</text>'
