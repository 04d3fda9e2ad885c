"""Reject options that have no effect in the chosen mode: the user expects one.

--check and --rehearse accept the options of a publication, so that they may be added to its command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # At run time it comes with the function: this module is imported by every `manage.py help`.
    from migrate_to_pg.records import Failure

MODES = ("check", "dump", "rehearse", "verify_only", "undo", "purge", "explain")
_MOVE = frozenset({"publish", "check", "rehearse"})
_READS = _MOVE | {"dump", "verify_only"}
_SERVER = _MOVE | {"verify_only", "undo", "purge"}
_ALL = frozenset({"publish", *MODES})

#: Option -> the modes in which it has an effect.
MEANS: Mapping[str, frozenset[str]] = {
    "source": _READS,
    "target": _SERVER,
    "publish_to": _SERVER,
    "owner": _MOVE,
    "verify": _MOVE | {"verify_only"},
    "exact_decimals": _MOVE | {"verify_only"},
    "leftovers": _MOVE | {"verify_only"},
    "from_models": _MOVE,
    "as_leftovers": _MOVE | {"verify_only"},
    "schema": _MOVE,
    "replace": _MOVE | {"undo"},
    "accept_publications": _MOVE | {"undo"},
    "accept_stale": _MOVE,
    "lock_source": _MOVE | {"dump"},
    "engine": _MOVE,
    "jobs": _READS,
    "keep": _MOVE | {"dump"},
    "report": _READS,
    "json": _ALL - {"purge", "explain"},
    "lang": _ALL,
    "no_input": _ALL,
    # --dump, --from-dump and --export say themselves what they cannot be together with, and why.
    "from_dump": _ALL,
    "fix": _MOVE | {"dump"},
    "quarantine": _MOVE | {"dump"},
    "exclude_data": _READS,
    "export": _ALL,
    "export_for": _ALL,
}


def mode_of(options: Mapping[str, Any]) -> str:
    """Return the requested mode, or publish."""
    return next((mode for mode in MODES if options[mode]), "publish")


def assurance(mode: str, failure: Failure) -> str:
    """Return a sentence on the state of the data after an error, or '' where a publication is verified or undone."""
    from migrate_to_pg.errors import UsageError
    from migrate_to_pg.i18n import gettext as _

    moves = mode in _READS - {"verify_only"} and not failure.may_be_published
    return _("Nothing was published.") if moves or failure.exit_status == UsageError.exit_status else ""


def check_options_for_mode(options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option without effect in the mode. ``options`` are those typed, without settings."""
    from migrate_to_pg.errors import UsageError
    from migrate_to_pg.i18n import gettext as _

    mode = mode_of(options)
    for name, modes in MEANS.items():
        if options.get(name) and mode not in modes:
            raise UsageError(
                _("{option} has no effect with {mode}.", option=_typed(name), mode=_typed(mode)),
                remedy=_("Leave it out; --help says what each option is for."),
            )


def _typed(name: str) -> str:
    return "--" + name.replace("_", "-")
