"""Translate messages by gettext: English in the code, other languages in catalogues.

The catalogue is ``locale/<language>/LC_MESSAGES/migrate_to_pg.po``, of a domain of its own: it never mixes with
the project's.
"""

from __future__ import annotations

import gettext as catalogues
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Formatter

DOMAIN = "migrate_to_pg"
LANGUAGES = ("en", "fr")
_LOCALE = Path(__file__).parent / "locale"
#: Variables that choose the language, in the order of GNU gettext.
_ENVIRONMENT = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
#: The separator of groups of three digits, and the decimal mark.
_MARKS = {"en": (",", "."), "fr": ("\u202f", ",")}


_BYTES_PER_STEP = 1024


class _Chosen:
    """The language of the process, threads included."""

    language = "en"
    catalogue: catalogues.NullTranslations = catalogues.NullTranslations()


def language() -> str:
    """Return the code of the active language."""
    return _Chosen.language


def activate(code: str) -> None:
    """Use this language from now on. ``code`` is one of LANGUAGES."""
    english = code == "en"
    _Chosen.catalogue = (
        catalogues.NullTranslations() if english else catalogues.translation(DOMAIN, str(_LOCALE), [code])
    )
    _Chosen.language = code


@contextmanager
def use_language(code: str) -> Iterator[None]:
    """Use this language within the block."""
    before = _Chosen.language
    activate(code)
    try:
        yield
    finally:
        activate(before)


def language_from_environment(environment: Mapping[str, str] = os.environ) -> str:
    """Return the language that the environment chooses, or English where there is no catalogue for it."""
    given = next((environment[name] for name in _ENVIRONMENT if environment.get(name)), "")
    for part in given.split(":"):
        code = part.lower().partition(".")[0].partition("_")[0].partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a sentence that is translated later, where it is shown."""
    return text


def gettext(text: str, /, **values: object) -> str:
    """Return the sentence in the active language, with the values in place of their names in braces.

    ``{count:,}`` groups a number's digits as the language does. A sentence without values is not formatted.
    """
    translated = _Chosen.catalogue.gettext(text)
    return _FORMATTER.vformat(translated, (), values) if values else translated


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """Return the sentence for a number, which is ``{n}`` in it."""
    return _FORMATTER.vformat(_Chosen.catalogue.ngettext(one, many, n), (), {"n": n, **values})


def pluralize(count: int, one: str, many: str) -> str:
    """Return the number with its noun: 1 row, 1,200 rows."""
    return f"{number(count)} {_Chosen.catalogue.ngettext(one, many, count)}"


def number(value: float, spec: str = ",") -> str:
    """Format a number: 2070000 as 2,070,000, 2.5 with ".1f" as 2.5. In French as 2 070 000 and 2,5."""
    group, decimal = _MARKS[_Chosen.language]
    return format(value, spec).translate({ord(","): group, ord("."): decimal})


def duration(seconds: float) -> str:
    """Format seconds: 0.314 as 0.31 s, 125 as 2 min 05 s. In French as 0,31 s."""
    if seconds < 9.995:
        return f"{number(seconds, '.2f')} s"
    if seconds < 59.95:
        return f"{number(seconds, '.1f')} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def size(count: int) -> str:
    """Format bytes: 209715200 as 200.0 MiB, in French as 200,0 Mio."""
    value = float(count)
    for unit in (N_("B"), N_("KiB"), N_("MiB"), N_("GiB")):
        if value < _BYTES_PER_STEP:
            return f"{number(value, '.0f' if unit == 'B' else '.1f')} {gettext(unit)}"
        value /= _BYTES_PER_STEP
    tebibytes = gettext("TiB")
    return f"{number(value, '.1f')} {tebibytes}"


class _LocalFormatter(Formatter):
    """Format as str.format does, but numbers as the language writes them."""

    def format_field(self, value: object, format_spec: str) -> str:
        if format_spec and isinstance(value, int | float):
            return number(value, format_spec)
        return format(value, format_spec)


_FORMATTER = _LocalFormatter()
