"""The commands' parsers in, docs/reference/options.md out: what --help says, as a page.

``python -m migrate_to_pg.management.reference > docs/reference/options.md``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from django.core.management import BaseCommand

from migrate_to_pg.management.commands import migrate_to_pg, sqlite_doctor

_HEAD = """\
# Options, as --help has them

Made from the parsers: `python -m migrate_to_pg.management.reference > docs/reference/options.md`. What each means at
length is in [commands](commands.md).
"""
_COMMANDS: dict[str, type[BaseCommand]] = {
    "migrate_to_pg": migrate_to_pg.Command,
    "sqlite_doctor": sqlite_doctor.Command,
}
#: Those that every command of Django's has.
_DJANGO = frozenset(
    ("help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks")
)


def reference() -> str:
    """The page."""
    return "\n".join([_HEAD, *(line for name, kind in _COMMANDS.items() for line in _command(name, kind))])


def _command(name: str, kind: type[BaseCommand]) -> Iterator[str]:
    parser = kind().create_parser("manage.py", name)
    yield f"## manage.py {name}"
    yield ""
    yield str(parser.description or "")
    yield ""
    for group in parser._action_groups:
        own = [action for action in group._group_actions if action.dest not in _DJANGO]
        if own:
            yield from (f"### {str(group.title).capitalize()}", "", "| option | |", "|---|---|")
            yield from (f"| {_spelled(action)} | {_told(action)} |" for action in own)
            yield ""


def _spelled(action: argparse.Action) -> str:
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else "")
    if action.nargs == "?" and action.option_strings:
        value = f"[{value}]"
    names = action.option_strings or [str(value)]
    shown = (f"{name} {value}".strip() if action.option_strings else name for name in names)
    return ", ".join(f"`{text}`".replace("|", "\\|") for text in shown)


def _told(action: argparse.Action) -> str:
    return (action.help or "").replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(reference())
