"""Translate messages by gettext: English in the code, other languages in catalogues.

In: a sentence of the code with its values. Out: the same for a person who reads the language chosen. The catalogue is
``locale/<language>/LC_MESSAGES/migrate_to_pg.po``, of a domain of its own: it never mixes with the project's.
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
#: Where a person says their language, in the order in which GNU gettext asks.
_ENVIRONMENT = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
#: What separates groups of three digits, and what stands before decimals.
_MARKS = {"en": (",", "."), "fr": ("\u202f", ",")}


_BYTES_PER_STEP = 1024


class _Chosen:
    """One language for the whole process: threads of a run speak as the run does."""

    language = "en"
    catalogue: catalogues.NullTranslations = catalogues.NullTranslations()


def language() -> str:
    """The code of the language in force."""
    return _Chosen.language


def activate(code: str) -> None:
    """Speak this language from now on; ``code`` is one of LANGUAGES."""
    english = code == "en"
    _Chosen.catalogue = (
        catalogues.NullTranslations() if english else catalogues.translation(DOMAIN, str(_LOCALE), [code])
    )
    _Chosen.language = code


@contextmanager
def use_language(code: str) -> Iterator[None]:
    """Speak this language for a while."""
    before = _Chosen.language
    activate(code)
    try:
        yield
    finally:
        activate(before)


def language_from_environment(environment: Mapping[str, str] = os.environ) -> str:
    """The language that the environment asks for, of those there are; English where it asks for none of them."""
    given = next((environment[name] for name in _ENVIRONMENT if environment.get(name)), "")
    for part in given.split(":"):
        code = part.lower().partition(".")[0].partition("_")[0].partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a sentence that is translated later, where it is said."""
    return text


def gettext(text: str, /, **values: object) -> str:
    """The sentence in the language in force, with the values in place of their names in braces.

    ``{count:,}`` groups a number's digits as the language does. A sentence without values is not formatted.
    """
    told = _Chosen.catalogue.gettext(text)
    return _FORMATTER.vformat(told, (), values) if values else told


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """The same for a sentence that depends on a number, which ``{n}`` stands for."""
    return _FORMATTER.vformat(_Chosen.catalogue.ngettext(one, many, n), (), {"n": n, **values})


def pluralize(count: int, one: str, many: str) -> str:
    """1 row refers, 1,200 rows refer."""
    return f"{number(count)} {_Chosen.catalogue.ngettext(one, many, count)}"


def number(value: float, spec: str = ",") -> str:
    """2070000 -> 2,070,000; 2.5 with ".1f" -> 2.5; in French 2 070 000 and 2,5."""
    group, decimal = _MARKS[_Chosen.language]
    return format(value, spec).translate({ord(","): group, ord("."): decimal})


def duration(seconds: float) -> str:
    """0.314 -> 0.31 s, 125 -> 2 min 05 s; in French 0,31 s."""
    if seconds < 9.995:
        return f"{number(seconds, '.2f')} s"
    if seconds < 59.95:
        return f"{number(seconds, '.1f')} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def size(count: int) -> str:
    """209715200 -> 200.0 MiB; in French 200,0 Mio."""
    value = float(count)
    for unit in (N_("B"), N_("KiB"), N_("MiB"), N_("GiB")):
        if value < _BYTES_PER_STEP:
            return f"{number(value, '.0f' if unit == 'B' else '.1f')} {gettext(unit)}"
        value /= _BYTES_PER_STEP
    tebibytes = gettext("TiB")
    return f"{number(value, '.1f')} {tebibytes}"


class _LocalFormatter(Formatter):
    """str.format, but numbers with a format are written as the language writes them."""

    def format_field(self, value: object, format_spec: str) -> str:
        if format_spec and isinstance(value, int | float):
            return number(value, format_spec)
        return format(value, format_spec)


_FORMATTER = _LocalFormatter()
