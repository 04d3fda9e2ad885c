"""The command, standing still at one moment until it is told to go on.

``python -m tests.faults.standing STAGE:KIND[:N] HERE ON ARGUMENT...``: when the first, or the Nth, event of that stage
and kind XX
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import execute_from_command_line

from migrate_to_pg.records import Event
from migrate_to_pg.records.report import Progress
from migrate_to_pg.report import progress


def main(moment: str, here: str, on: str, *arguments: str) -> None:
    stage, kind, *number = moment.split(":")
    display = progress.display
    stood: list[Event] = []

    @contextmanager
    def standing(*given: Any, **named: Any) -> Iterator[Progress]:
        with display(*given, **named) as show:

            def tell(event: Event) -> None:
                show(event)
                if (event.stage, event.kind) != (stage, kind):
                    return
                stood.append(event)
                if len(stood) == int(number[0] if number else 1):
                    os.write(int(here), b"here\n")
                    os.read(int(on), 1)

            yield tell

    progress.display = standing
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attribution_project.settings")
    execute_from_command_line(["manage.py", *arguments])


if __name__ == "__main__":
    main(*sys.argv[1:])
