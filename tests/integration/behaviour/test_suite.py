"""The queries of a suite: each that differs is found with its cause, and nothing is said of the others."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate_to_pg.project.secret_columns import MASK
from tests.integration.behaviour.conftest import SHADOWED, Shadowed


@pytest.fixture(scope="module")
def report(shadowed: Shadowed) -> dict[str, Any]:
    return shadowed.report("suite", "manage.py test")


def expected() -> Iterator[tuple[str, set[str], range]]:
    """The functions of the project's queries: name, rules, lines."""
    tree = ast.parse((SHADOWED / "library" / "queries.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list and isinstance(node.decorator_list[0], ast.Call):
            rules = {ast.literal_eval(one) for one in node.decorator_list[0].args}
            yield node.name, rules, range(node.lineno, int(node.end_lineno or 0) + 1)


@pytest.mark.parametrize(("rules", "lines"), [one[1:] for one in expected()], ids=[one[0] for one in expected()])
def test_each_query_is_said_to_differ_for_its_reason_or_not(
    report: dict[str, Any], rules: set[str], lines: range
) -> None:
    found = [one for one in report["seen"] if one[1] in {f"library/queries.py:{line}" for line in lines}]
    assert {one[0] for one in found} == rules, found


def test_nothing_is_said_of_any_other_line(report: dict[str, Any]) -> None:
    assert all(one[1].startswith("library/queries.py:") for one in report["seen"]), report["seen"]
    assert report["notes"] == []


def test_both_answers_are_shown(report: dict[str, Any]) -> None:
    [found] = [one for one in report["seen"] if one[0] == "division-by-zero"]
    assert found[3].startswith("None, 100, 50")
    assert found[4] == "division by zero"
    [found] = [one for one in report["seen"] if one[0] == "group-by"]
    assert "must appear in the GROUP BY clause" in found[4]


def test_no_value_of_a_secret_column_is_shown_by_whatever_name(shadowed: Shadowed, report: dict[str, Any]) -> None:
    ranges = {name: lines for name, _rules, lines in expected()}
    for name, statements in (
        ("secrets_by_other_names_in_sql", 8),
        ("secrets_by_other_names", 5),
        ("secrets_in_what_postgresql_refuses", 2),
    ):
        found = [one for one in report["seen"] if one[1] in {f"library/queries.py:{line}" for line in ranges[name]}]
        assert len(found) == statements, [one[:5] for one in found]
        assert all(MASK in one[3] for one in found), found
    written = json.dumps(report) + (shadowed.folder / "queries.jsonl").read_text()
    assert "hunter2" not in written.lower()
    lines = ranges["another_column_beside_a_secret"]
    [found] = [one for one in report["seen"] if one[1] in {f"library/queries.py:{line}" for line in lines}]
    assert found[3].startswith("('member 0', '***', '***'), ('member 4', ")


def test_what_differs_today_is_surer_than_what_may_tomorrow(report: dict[str, Any]) -> None:
    sure = {(one[0], one[2]) for one in report["seen"]}
    assert {("like-case", "seen"), ("order-ties", "confirmed"), ("lock-without-transaction", "hint")} <= sure


def test_a_query_that_a_branch_builds_for_sqlite_is_a_hint(report: dict[str, Any]) -> None:
    [lines] = [lines for name, _rules, lines in expected() if name == "built_for_sqlite_by_a_branch"]
    [found] = [one for one in report["seen"] if one[1] in {f"library/queries.py:{line}" for line in lines}]
    assert found[2] == "hint"


def test_the_file_of_occurrences_is_readable_by_its_owner_alone(shadowed: Shadowed, report: dict[str, Any]) -> None:
    path = shadowed.folder / "queries.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(json.loads(line) for line in path.read_text().splitlines())
    assert not (shadowed.folder / "queries").exists()


def test_a_command_that_fails_or_uses_no_django_is_told(shadowed: Shadowed) -> None:
    found = shadowed.report("suite", "manage.py test nowhere")
    assert found["notes"] == ["manage.py test nowhere ended with status 1. Its queries up to there were compared."]
    without = shadowed.run("report.py", "suite", "python -c pass", ok=False)
    assert "No process of this command used Django: python -c pass" in without.stderr
    unknown = shadowed.run("report.py", "suite", "no-such-program", ok=False)
    assert "no-such-program cannot be run" in unknown.stderr
