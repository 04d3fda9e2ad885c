"""Lines and grids of a report as text: in colours and folded on a terminal, plain in a pipe.

Everything is shown as text: nothing from the database is ever taken for markup or reaches the terminal as a control
character, and no fact of an error is cut, however long: it is folded.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_to_pg.i18n import N_, gettext, ngettext
from migrate_to_pg.i18n import gettext as _

#: What the stages are called; report.json has the English names.
STAGES = (
    *(N_("start"), N_("server start"), N_("server stop"), N_("validate"), N_("snapshot"), N_("catalog")),
    *(N_("stage"), N_("examine"), N_("dump"), N_("export"), N_("load"), N_("leftovers"), N_("restore"), N_("prove")),
    *(N_("publish"), N_("undo"), N_("integrity"), N_("probe"), N_("salvage"), N_("repair")),
    *(N_("tests"), N_("queries"), N_("data"), N_("code")),
)
#: Spaces that are no fault in text, though Python does not call them printable: French puts them before ? and :
_FRENCH_SPACES = "\u00a0\u202f"


def stage_name(stage: str) -> str:
    """Return what a person calls a stage."""
    return gettext(stage)


def visible(text: str) -> str:
    r"""Make everything visible that a terminal or a reader would not show: ESC -> \x1b."""
    return "".join(c if c.isprintable() or c in _FRENCH_SPACES else ascii(c)[1:-1] for c in text)


def more_rows(count: int) -> str:
    """Count the rows that are not shown. Return '' for none."""
    return ngettext("and {n:,} more row", "and {n:,} more rows", count) if count > 0 else ""


def more_cells(count: int) -> str:
    """Count the cells that are not shown. Return '' for none."""
    return ngettext("and {n:,} more cell", "and {n:,} more cells", count) if count > 0 else ""


def more_differences(count: int) -> str:
    """Count the differences that are not shown. Return '' for none."""
    return ngettext("and {n:,} more difference", "and {n:,} more differences", count) if count > 0 else ""


if TYPE_CHECKING:
    from rich.console import Console, RenderableType

#: The width to which prose is wrapped in plain lines.
WIDTH = 100
#: The width of what is not wrapped in them.
_UNWRAPPED = 2**31
#: Style of a part -> rich's name of it.
STYLES = {
    "": "",
    "good": "bold green",
    "bad": "bold red",
    "error": "bold red",
    "warning": "bold yellow",
    "repaired": "bold green",
    "quarantined": "bold yellow",
    "strong": "bold",
    "dim": "dim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, or one paragraph."""

    #: (text, style): a style is a key of STYLES.
    parts: tuple[tuple[str, str], ...]
    indent: int = 0
    #: Text before the first line; further lines being aligned after it: "->", "1.".
    marker: str = ""
    #: A fact that may be searched for: it stays on one line where there is no terminal.
    unwrapped: bool = False
    #: To be copied: the terminal itself folds it.
    copied: bool = False

    def render(self) -> RenderableType:
        """Return the line as rich prints it."""
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        indent = " " * self.indent if self.copied else ""
        parts = ((visible(text), STYLES[style]) for text, style in self.parts)
        text = Text.assemble(indent, *parts, overflow="fold")
        text.rstrip()
        if self.copied or not (self.indent or self.marker):
            return text
        if not self.marker:
            return Padding(text, (0, 0, 0, self.indent), expand=False)
        marked = Table.grid(padding=(0, 1, 0, 0))
        marked.add_row(Text(self.marker, style="bold"), text)
        return Padding(marked, (0, 0, 0, self.indent), expand=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Columns under headings: the first to the left, the others to the right."""

    headings: Iterable[str]
    rows: Iterable[Iterable[str]]
    #: How many columns are to the left.
    left: int = 1
    #: The column that is folded where the width does not do.
    folds: int = 0

    unwrapped = True
    copied = False

    def render(self) -> RenderableType:
        """Return the grid as rich prints it."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for position, title in enumerate(self.headings):
            table.add_column(
                Text(title),
                justify="left" if position < self.left else "right",
                no_wrap=position != self.folds,
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*(Text(visible(cell)) for cell in row))
        return table


Block = Line | Grid


def line(text: str = "", style: str = "", *, indent: int = 0, marker: str = "") -> Line:
    """Return a paragraph in one style."""
    return Line(parts=((text, style),), indent=indent, marker=marker)


def fact(text: str, style: str = "", *, indent: int = 0) -> Line:
    """Return a line that is never wrapped where there is no terminal."""
    return Line(parts=((text, style),), indent=indent, unwrapped=True)


def command(text: str, *, indent: int) -> Line:
    """Return a line to be copied."""
    return Line(parts=((text, ""),), indent=indent, copied=True)


def named(name: str, text: str) -> list[Block]:
    """Return a fact under its name, or nothing if there is none."""
    label = _("{name}:", name=name)
    return [Line(parts=((label, "strong"), (f" {text}", "")), unwrapped=True)] if text else []


def heading(title: str, note: str = "") -> list[Block]:
    """Return an empty line and a title."""
    return [line(), Line(parts=((title, "strong"), (f"  {note}" if note else "", "dim")))]


def show(blocks: Iterable[Block], console: Console) -> None:
    """Print lines and grids on a rich console, prose no wider than WIDTH where it is no terminal."""
    for block in blocks:
        width = None if console.is_terminal or block.unwrapped else WIDTH
        # The terminal folds what is to be copied: what is copied from there is one line.
        console.print(block.render(), width=width, soft_wrap=block.copied)


def plain(blocks: Iterable[Block]) -> list[str]:
    """Return lines and grids as plain text."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=_UNWRAPPED, color_system=None, force_terminal=False, _environ={})
    with console.capture() as captured:
        show(blocks, console)
    return [text.rstrip() for text in captured.get().removesuffix("\n").split("\n")]
