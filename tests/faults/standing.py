"""The command, standing still at one moment until it is told to go on.

``python -m tests.faults.standing STAGE:KIND[:N] HERE ON FOLDER ARGUMENT...``: when the first, or the Nth, event of that
stage and kind XX
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import execute_from_command_line

from migrate_to_pg.records import Event
from migrate_to_pg.records.report import Progress
from migrate_to_pg.report import progress
from tests import replayed


def main(moment: str, here: str, on: str, recordings: str, *arguments: str) -> None:
    stage, kind, *given = moment.split(":")
    left = int(given[0]) if given else 1

    def pass_by() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.write(int(here), b"here\n")
            os.read(int(on), 1)

    if stage == "os":
        stand_after(kind, pass_by)
    else:
        stand_at(stage, kind, pass_by)
    if recordings and "DJANGO_SETTINGS_MODULE" not in os.environ:
        replayed.use(Path(recordings))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attribution_project.settings")
    execute_from_command_line(["manage.py", *arguments])


def stand_after(name: str, pass_by: Callable[[], None]) -> None:
    function = getattr(os, name)

    def call(*given: Any, **named: Any) -> Any:
        answer = function(*given, **named)
        pass_by()
        return answer

    setattr(os, name, call)


def stand_at(stage: str, kind: str, pass_by: Callable[[], None]) -> None:
    display = progress.display

    @contextmanager
    def standing(*given: Any, **named: Any) -> Iterator[Progress]:
        with display(*given, **named) as show:

            def tell(event: Event) -> None:
                show(event)
                if (event.stage, event.kind) == (stage, kind):
                    pass_by()

            yield tell

    progress.display = standing


if __name__ == "__main__":
    main(*sys.argv[1:])
