"""Write down what was seen, one JSON object in a line, and read it back. Several processes may share a file."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way
from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _

#: A process that is killed loses the counts of so many statements at most.
_STATEMENTS_PER_LINE = 20


@dataclass(slots=True)
class Notes:
    """The contents of a file of occurrences."""

    occurrences: list[Occurrence] = field(default_factory=list)
    #: What happened to the statements -> how often: compared, volatile, slow, ...
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    #: False where a note says that what was to be looked at was not looked at to its end.
    is_complete: bool = True

    def __iter__(self) -> Iterator[Occurrence]:
        return iter(self.occurrences)

    def summary(self) -> list[str]:
        """Say how many distinct statements were compared, and what was left out."""
        reasons = {
            "volatile": _("Rows not compared, because the statement answers otherwise each time: {n}."),
            "written": _("Rows not compared, because their tables were written to: {n}."),
            "long": _("Rows not compared, because there are more than 10,000: {n}."),
            "slow": _("Statements given up after two seconds: {n}."),
            "dropped": _("Statements dropped while the copy was busy: {n}."),
            "asked often enough": _("Statements not compared, after 30 with other parameters at the same line: {n}."),
            "refused by both": _("Statements that both databases refuse, as for tables of the tests alone: {n}."),
            "for SQLite alone": _("Statements not compared, because the code has them for SQLite alone: {n}."),
        }
        compared = _("Statements compared by queries: {n}.", n=self.counts["compared"] + self.counts["refused"])
        return [compared, *(text.format(n=self.counts[what]) for what, text in reasons.items() if self.counts[what])]


class Notebook:
    """The file of one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: dict[tuple[str, Place], Occurrence] = {}
        self._again: Counter[tuple[str, Place]] = Counter()
        self._counts: Counter[str] = Counter()
        self._notes: set[str] = set()
        self._append(b'{"process": %d}\n' % os.getpid())

    def add(self, occurrence: Occurrence) -> None:
        """Write what is new, and count what was seen at that place before."""
        key = (occurrence.rule, occurrence.place)
        known = self._seen.get(key)
        order = [*Certainty]
        if known is not None and order.index(known.certainty) <= order.index(occurrence.certainty):
            self._again[key] += 1
            return
        self._seen[key] = occurrence
        self._write({"occurrence": asdict(occurrence)})

    def count(self, what: str) -> None:
        """Count a statement."""
        self._counts[what] += 1
        if self._counts.total() >= _STATEMENTS_PER_LINE:
            self.flush()

    def note(self, text: str, *, is_complete: bool = True) -> None:
        """Write a sentence for the report, once. ``is_complete`` is false where it says why nothing more is seen."""
        if text not in self._notes:
            self._notes.add(text)
            self._write({"note": text, "is_complete": is_complete})

    def flush(self) -> None:
        """Write what was only counted."""
        again, self._again = self._again, Counter()
        for key, number in again.items():
            self._write({"occurrence": asdict(replace(self._seen[key], count=number))})
        counts, self._counts = self._counts, Counter()
        if counts:
            self._write({"counts": counts})

    def after_fork(self) -> None:
        """Forget what the parent counts itself."""
        self._again, self._counts = Counter(), Counter()
        self._write({"process": os.getpid()})

    def _write(self, line: dict[str, Any]) -> None:
        # A full disk must not stop the project.
        with contextlib.suppress(OSError):
            self._append((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))

    def _append(self, data: bytes) -> None:
        # One write for one line: lines of several processes do not mix.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)


def read(path: Path) -> Notes:
    """Read a file of occurrences. A last line that a killed process left unfinished is ignored."""
    found = Notes()
    try:
        lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    except OSError as error:
        raise UsageError(_("Cannot read {path}: {reason}.", path=path, reason=error.strerror)) from None
    for number, line in enumerate(lines[:-1], 1):
        try:
            _take(found, json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UsageError(
                _("Line {number} of {path} is not one that this program wrote.", number=number, path=path),
                remedy=_("Name the file of the setting MIGRATE_TO_PG_SHADOW."),
            ) from None
    return found


def _take(found: Notes, line: dict[str, Any]) -> None:
    if "occurrence" in line:
        values = line["occurrence"]
        typed = {
            "place": Place(**values["place"]),
            "way": Way(values["way"]),
            "certainty": Certainty(values["certainty"]),
            "effect": Effect(values["effect"]),
        }
        found.occurrences.append(Occurrence(**(values | typed)))
    found.counts.update(line.get("counts", {}))
    if "note" in line and line["note"] not in found.notes:
        found.notes.append(line["note"])
    found.is_complete &= line.get("is_complete", True)
