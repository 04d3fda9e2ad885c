"""What reaches production: pinned, each for a reason, and listed; exceptions from rules of security have theirs."""

import re

from deploy.dependencies import PINS, direct, page, pins, reasons
from tests.conftest import ROOT

OURS = ("migrate_to_pg", "attribution_project", "attributions", "courses", "deploy", "demo", "benchmarks")
SOURCES = {path: path.read_text() for top in OURS for path in (ROOT / top).rglob("*.py")}


def test_every_package_is_pinned_by_its_hashes_and_by_nothing_else():
    lines = [line for line in PINS.read_text().splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins()) == len(lines) > 20
    assert all(pin.hashes for pin in pins())
    assert not re.search(r"https?://|^-e |^git\+", PINS.read_text(), re.MULTILINE)


def test_what_is_asked_for_has_its_reason_and_all_else_comes_with_it():
    names = {pin.name for pin in pins()}
    assert direct() <= names
    assert direct() <= set(reasons())
    assert all(set(pin.via) & {*names, "django-migrate-to-pg"} for pin in pins())


def test_the_list_in_the_docs_is_that_of_the_pins():
    """New pins? python -m deploy.dependencies > docs/reference/dependencies.md."""
    assert (ROOT / "docs/reference/dependencies.md").read_text() == "\n".join(page()) + "\n"


def test_every_exception_from_a_rule_of_security_says_why():
    silent = re.compile(r"noqa: [^-\n]*\bS\d{3}\b(?!.* - \w)")
    assert [path for path, text in SOURCES.items() if silent.search(text)] == []


def test_nothing_is_unpickled():
    assert [path for path, text in SOURCES.items() if re.search(r"\b(pickle|marshal|shelve)\b", text)] == []
