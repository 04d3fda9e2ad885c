"""Every page is asked for, as a visitor and as a user, and what its queries do otherwise is found."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.integration.behaviour.conftest import Shadowed, line


@pytest.fixture(scope="module")
def report(shadowed: Shadowed) -> dict[str, Any]:
    before = sha256(shadowed.source.read_bytes()).digest()
    found = shadowed.report("crawl", "anna")
    assert sha256(shadowed.source.read_bytes()).digest() == before
    return found


def test_routes_links_and_templates_are_found_with_their_lines(report: dict[str, Any]) -> None:
    found = {(one[0], one[1]) for one in report["seen"]}
    assert found == {
        # A link of the first page has the search, and the route has not.
        ("like-case", line("writer.name for")),
        # Only a link leads to a route with an argument.
        ("like-case", line("title__contains")),
        # A queryset that a template evaluates.
        ("order-ties", "library/templates/library/works.html:2"),
        # A page of a generic view.
        ("unordered", "library/templates/library/labels.html:1"),
        # Views of the database, which hold secrets by another name.
        ("order-nulls", line("library_keys ORDER")),
        ("unknown-table", line("library_keys_of_sqlite")),
        # A view that awaits its rows.
        ("like-case", line("name__startswith")),
        # Only a user sees it.
        ("like-case", line("name__endswith")),
    }


def test_pages_that_fail_are_told_and_those_that_write_work(report: dict[str, Any]) -> None:
    # An address that a page made of a token is told by its route.
    assert report["notes"] == ["/broken/ answers 500 on SQLite.", "/broken/<token>/ answers 500 on SQLite."]
    assert "hunter2" not in json.dumps(report)
    assert report["counts"]["pages"] >= 2 * 9


def test_a_visitor_sees_less_and_an_unknown_user_is_refused(shadowed: Shadowed) -> None:
    found = {one[1] for one in shadowed.report("crawl")["seen"]}
    assert line("writer.name for") in found
    assert line("name__endswith") not in found
    unknown = shadowed.run("report.py", "crawl", "nobody", ok=False)
    assert "There is no user nobody." in unknown.stderr
