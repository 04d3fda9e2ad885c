"""Accept the values of options that both directions have. No password is shown."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from migrate_to_pg.management.console import plain

#: An idle server takes a hundred connections, usually.
_MOST_JOBS = 64


def address(text: str) -> str:
    """Accept an address: it is parsed before anything of it is shown, since it may hold a password."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty value names nothing")
    return text


def given(text: str, postgres: str = "--target") -> str:
    """Accept a name that is shown as typed. ``postgres`` is the option that takes PostgreSQL's address."""
    return address(plain(text, postgres))


def path(text: str, postgres: str = "--target") -> Path:
    """Accept a path, also one that looks like an address where a file has that name."""
    try:
        return Path(address(text) if os.path.lexists(text) else given(text, postgres)).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError("nobody of that name has a home directory") from error


def names(text: str, postgres: str = "--target") -> tuple[str, ...]:
    """Accept several names, separated by commas."""
    text = given(text, postgres)
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError("an empty value names nothing")
    return found


def jobs(text: str) -> int:
    """Accept a number of connections."""
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_JOBS:
        raise argparse.ArgumentTypeError(f"a number from 1 to {_MOST_JOBS} is needed")
    return int(text)
