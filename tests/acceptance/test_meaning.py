"""An option without effect in the mode is refused: whoever typed it believes that it does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

from migrate_to_pg.errors import UsageError
from migrate_to_pg.management.parser import MODES, MODES_OF_OPTION, check_options_for_mode
from tests.acceptance.test_documentation import is_djangos
from tests.conftest import Run
from tests.projects import Project


def parsed(*arguments: str) -> Mapping[str, Any]:
    return vars(load_command_class("migrate_to_pg", "migrate_to_pg").create_parser("", "").parse_args(arguments))


def test_every_option_of_the_command_has_its_modes() -> None:
    parser = load_command_class("migrate_to_pg", "migrate_to_pg").create_parser("", "")
    options = {action.dest for action in parser._actions if not is_djangos(action)}
    assert options == {*MODES_OF_OPTION, *MODES}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--undo --fix all", "--fix has no effect with --undo."),
        ("--undo --source x", "--source has no effect with --undo."),
        ("--undo --verify", "--verify has no effect with --undo."),
        ("--purge --replace", "--replace has no effect with --purge."),
        ("--purge --json", "--json has no effect with --purge."),
        ("--explain text-too-long --target x", "--target has no effect with --explain."),
        ("--verify-only --replace", "--replace has no effect with --verify-only."),
        ("--verify-only --fix all", "--fix has no effect with --verify-only."),
        ("--verify-only --keep", "--keep has no effect with --verify-only."),
        ("--dump x --target y", "--target has no effect with --dump."),
        ("--dump x --verify", "--verify has no effect with --dump."),
        ("--dump x --leftovers skip", "--leftovers has no effect with --dump."),
    ],
)
def test_an_option_without_meaning_is_named(line: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_options_for_mode(parsed(*line.split()))
    assert str(refused.value) == told


@pytest.mark.parametrize(
    "line",
    [
        "--undo --replace --target x --publish-to y --json",
        "--purge --no-input --target x",
        "--verify-only --source x --target y --verify orm --exclude-data z --leftovers skip --report r --jobs 2",
        "--check --target x --verify --replace --fix all --keep",
        "--rehearse --target x --replace --owner y --export z --accept-stale --lock-source",
        "--dump x --source y --keep --lock-source --jobs 2",
        "--source x --target y --verify orm --fix all --quarantine all --replace --schema models --engine pgloader",
    ],
)
def test_a_check_and_a_rehearsal_take_what_a_publication_takes(line: str) -> None:
    check_options_for_mode(parsed(*line.split()))


def test_the_command_ends_as_for_any_fault_of_usage(manage: Run) -> None:
    refused = manage("migrate_to_pg", "--undo", "--fix", "all", ok=False)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[0] == "Error: --fix has no effect with --undo."


def test_a_setting_is_for_the_modes_that_have_a_use_for_it(tmp_path: Path, postgres_url: str) -> None:
    """It is there for all of them; typed it was not."""
    project = Project("shapes", tmp_path)
    given = json.dumps({"FIX": ["all"], "QUARANTINE": ["all"], "VERIFY": "cells", "JOBS": 1, "ENGINE": "arrow"})
    done = project.run("migrate_to_pg", "--undo", "--target", postgres_url, PROJECT_MIGRATE_TO_PG=given, ok=False)
    assert done.returncode == 1
    assert "has no effect" not in done.stderr
