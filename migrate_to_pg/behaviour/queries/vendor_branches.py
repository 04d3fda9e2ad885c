"""Remember where the project asks which database it runs on: a query that it builds then may be for SQLite alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from django.utils.connection import ConnectionProxy

from migrate_to_pg.behaviour.queries.call_site import frames, is_of_project
from migrate_to_pg.behaviour.records import Place

#: Attributes of ``django.db.connection`` by which code tells databases apart.
_ASKED = ("vendor", "features")
#: Calls that are remembered.
_MOST = 500


class Branches:
    """The calls of the project's functions within which one asked for the database's kind."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._thread = threading.local()

    def install(self) -> None:
        """Take note of what ``django.db.connection`` is asked for."""
        original: Any = ConnectionProxy.__getattr__
        self._original = original

        def asked(proxy: Any, name: str) -> Any:
            if name in _ASKED:
                # The project's answer must not depend on this.
                with suppress(Exception):
                    self._remember()
            return original(proxy, name)

        ConnectionProxy.__getattr__ = asked  # type: ignore[method-assign]

    def uninstall(self) -> None:
        """Leave Django as it was."""
        ConnectionProxy.__getattr__ = self._original  # type: ignore[method-assign]

    def place(self) -> Place | None:
        """Return where the function asked, itself or by one that it called, whose query is being executed."""
        if not self._calls:
            return None
        innermost = next((frame for frame in self._own(frames()) if not frame.f_code.co_name.startswith("<")), None)
        return self._calls.get((id(innermost), innermost.f_code)) if innermost else None

    @property
    def _calls(self) -> dict[tuple[int, CodeType], Place]:
        """By a frame's number, which a later call may have: a frame that is kept would keep the project's objects."""
        calls: dict[tuple[int, CodeType], Place] = self._thread.__dict__.setdefault("calls", {})
        return calls

    def _own(self, found: Iterator[FrameType]) -> Iterator[FrameType]:
        return (frame for frame in found if is_of_project(frame.f_code.co_filename, self._project))

    def _remember(self) -> None:
        asker = next(frames())
        if not is_of_project(asker.f_code.co_filename, self._project):
            return
        if len(self._calls) > _MOST:
            self._calls.clear()
        file = Path(asker.f_code.co_filename).resolve().relative_to(self._project)
        place = Place(file=str(file), line=asker.f_lineno)
        self._calls.update({(id(frame), frame.f_code): place for frame in self._own(frames())})
