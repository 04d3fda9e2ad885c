"""In: a Report. Out: plain lines for pipes and logs, or the same facts in colours on a terminal.

Everything is shown as text: nothing from the database is ever taken for markup or reaches the terminal as a control
character, and no fact of an error is cut, however long: it is folded.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from migrate_to_pg.records import Report
from migrate_to_pg.report.messages import visible
from migrate_to_pg.report.text_layout import Block, Grid, Line, blocks

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod, RenderableType
    from rich.table import Table
    from rich.text import Text

#: The width to which prose is wrapped in plain lines.
WIDTH = 100
#: Style of a part -> rich's name of it.
STYLES = {
    "": "",
    "good": "bold green",
    "bad": "bold red",
    "error": "bold red",
    "warning": "bold yellow",
    "repaired": "bold green",
    "aside": "bold yellow",
    "strong": "bold",
    "dim": "dim",
}


def lines(report: Report) -> list[str]:
    """The report as plain text, verdict first."""
    return plain(blocks(report))


def plain(told: Iterable[Block]) -> list[str]:
    """Lines and grids as plain text."""
    result: list[str] = []
    for block in told:
        result += _plain_grid(block) if isinstance(block, Grid) else _plain_line(block)
    return result


def _plain_line(line: Line) -> list[str]:
    start = " " * line.indent + (f"{line.marker} " if line.marker else "")
    text = "".join(visible(text) for text, _ in line.parts).rstrip()
    if line.whole or not text:
        return [(start + text).rstrip()]
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)


def _plain_grid(grid: Grid) -> list[str]:
    rows = [tuple(visible(cell) for cell in row) for row in (grid.headings, *grid.rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(_aligned(row, widths, grid.left)).rstrip() for row in rows]


def _aligned(row: tuple[str, ...], widths: list[int], left: int) -> list[str]:
    cells = enumerate(zip(row, widths, strict=True))
    return [cell.ljust(width) if i < left else cell.rjust(width) for i, (cell, width) in cells]


def print_report(report: Report, console: Console) -> None:
    """Print the report on a rich console, folded to its width."""
    show(blocks(report), console)


def show(told: Iterable[Block], console: Console) -> None:
    """Print lines and grids on a rich console."""
    for block in told:
        if isinstance(block, Grid):
            console.print(_rich_grid(block))
        elif block.unbroken:
            # The terminal folds it: what is copied from there is one line.
            console.print(_rich_text(block, " " * block.indent), soft_wrap=True)
        else:
            console.print(_rich_line(block))


def _rich_line(line: Line) -> RenderableType:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    text = _rich_text(line)
    if not line.marker:
        return Padding(text, (0, 0, 0, line.indent))
    marked = Table.grid(padding=(0, 1, 0, 0))
    marked.add_row(Text(line.marker, style="bold"), text)
    return Padding(marked, (0, 0, 0, line.indent))


def _rich_text(line: Line, before: str = "") -> Text:
    from rich.text import Text

    text = Text.assemble(before, *((visible(text), STYLES[style]) for text, style in line.parts), overflow="fold")
    text.rstrip()
    return text


def _rich_grid(grid: Grid) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for position, title in enumerate(grid.headings):
        justify: JustifyMethod = "left" if position < grid.left else "right"
        table.add_column(Text(title), justify=justify, no_wrap=position != grid.folds, overflow="fold")
    for row in grid.rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table
