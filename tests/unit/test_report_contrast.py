"""Every pair of colours in which report.html shows text has the contrast that WCAG 2.2 asks for, in both schemes.

The formulas are those of https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import migrate_to_pg

STYLE = (Path(migrate_to_pg.__path__[0]) / "report" / "report.css").read_text(encoding="utf-8")
SCHEMES = dict(zip(("light", "dark", "paper"), re.findall(r":root \{([^}]+)\}", STYLE), strict=True))
#: AA for text, and for what is drawn.
TEXT, DRAWN = 4.5, 3.0
PAIRS = [
    *((text, ground, TEXT) for text in ("ink", "soft") for ground in ("paper", "card")),
    ("ink", "code", TEXT),
    ("bad", "paper", TEXT),
    *(("ink", ground, TEXT) for ground in ("good-soft", "warn-soft", "bad-soft")),
    *((name, f"{name}-soft", TEXT) for name in ("good", "bad", "warn")),
    ("on-bar", "bar", TEXT),
    ("on-bar-other", "bar-other", TEXT),
    # Links.
    ("bar", "paper", TEXT),
    ("bar", "card", TEXT),
    *((name, "card", DRAWN) for name in ("good", "bad", "warn")),
]


def colours(scheme: str) -> dict[str, str]:
    """Those of a scheme; paper has the light ones, but for some of its own."""
    found = {name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text)) for name, text in SCHEMES.items()}
    return found["light"] | found[scheme]


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_is_the_one_of_the_recommendation() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_it_can_be_read(scheme: str, text: str, ground: str, least: float) -> None:
    known = colours(scheme)
    assert contrast(known[text], known[ground]) >= least


def test_both_schemes_have_every_colour_that_is_used() -> None:
    used = set(re.findall(r"var\(--([\w-]+)\)", STYLE))
    assert used
    for scheme in SCHEMES:
        assert used <= colours(scheme).keys(), scheme
