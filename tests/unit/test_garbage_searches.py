"""Python searches for garbage more rarely while a command runs, and as before once it has ended."""

import gc
from typing import Any

import pytest
from django.core.management import CommandError, CommandParser, call_command

from migrate_to_pg.management.console import ConsoleCommand, add_language


class Failing(ConsoleCommand):
    """A command that keeps the threshold it runs with, and fails."""

    threshold = 0

    def add_arguments(self, parser: CommandParser) -> None:
        add_language(parser)

    def run(self, options: dict[str, Any]) -> None:
        self.threshold = gc.get_threshold()[0]
        raise CommandError("failed")


def test_a_command_that_code_calls_leaves_the_searches_for_garbage_as_they_were() -> None:
    before = gc.get_threshold()
    command = Failing()
    with pytest.raises(CommandError):
        call_command(command, lang="en")
    assert command.threshold > before[0]
    assert gc.get_threshold() == before
