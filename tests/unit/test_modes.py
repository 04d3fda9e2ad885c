"""What `make test-wheel` runs with each Django: no command, mode or option may be missing there."""

import pkgutil

import pytest
from django.core.management import load_command_class

from migrate_to_pg.management import commands
from tests.acceptance.test_documentation import is_djangos
from tests.wheel.modes import ELSEWHERE, MODES


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(commands.__path__)])
def test_each_command_and_each_of_its_options_is_run_with_every_django(name: str) -> None:
    parser = load_command_class("migrate_to_pg", name).create_parser("", "")
    options = {action.option_strings[0] for action in parser._actions
               if action.option_strings and not is_djangos(action)}  # fmt: skip
    lines = [mode.line.split() for mode in MODES if mode.line.split()[0] == name]
    assert lines
    assert options - {word for line in lines for word in line} <= ELSEWHERE
