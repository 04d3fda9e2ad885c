"""Say why a test fails on PostgreSQL alone: by which error, or which assertion, and at which line of the project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from migrate_to_pg.behaviour.explain_error import OTHER, rule_of_error
from migrate_to_pg.behaviour.queries.shown_sql import names_secret, shown_sql
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way
from migrate_to_pg.behaviour.suite.run_suite import Failure, Outcome
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import without_quoted
from migrate_to_pg.system.workdir import base_directory

#: The rule for what no other rule knows.
_TEST_FAILS = "test-fails"
#: The statement comes after another one that failed: that one is the cause.
_ABORTED = "25P02"
_FOREIGN = {"site-packages", "dist-packages", "node_modules", ".venv", "venv", "migrate_to_pg"}
_MAX_TEXT = 200
_MAX_NAMES = 5


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause by which several tests may fail."""

    rule: str
    place: Place
    #: What an assertion of a test says: several of one line have nothing else in common.
    assertion: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """One test, or subtest, that fails by a cause."""

    test: str
    failure: Failure
    on_sqlite: Outcome | None


def occurrences_of(failing: Iterable[tuple[Outcome, Outcome | None]]) -> tuple[Occurrence, ...]:
    """Make one occurrence of all tests that fail by one cause.

    ``failing`` has each test's outcome on PostgreSQL, and the one on SQLite.
    """
    found: dict[Cause, list[_Seen]] = {}
    for there, here in failing:
        for failure in _causes(there, here):
            seen = _Seen(_name(there.test, failure), failure, here)
            place = _place(failure, _name(there.test, failure))
            says = failure.line if failure.is_assertion and _is_test(Path(place.file)) else ""
            if failure.is_assertion:
                rule = _TEST_FAILS
            else:
                rule = rule_of_error(failure.sqlstate, failure.message, failure.sql)
                rule = _TEST_FAILS if rule == OTHER and not failure.sqlstate else rule
            found.setdefault(Cause(rule, place, says), []).append(seen)
    return tuple(_occurrence(cause, seen) for cause, seen in found.items())


def _causes(there: Outcome, here: Outcome | None) -> list[Failure]:
    """Return the errors by which a test fails. One that was caught counts where the test's own says less."""
    caught = [error for error in there.of_database if error.sqlstate and error.sqlstate != _ABORTED]
    # Known is an error that SQLite raised too, or another one at that line.
    new = [
        error
        for error in caught
        if not any(
            error.type == other.type or _place(error, "") == _place(other, "")
            for other in (here.of_database if here else ())
        )
    ]
    text = _("The test passes, and is expected to fail.")
    unexpected = Failure(type="", message=text, sqlstate="", sql="", is_assertion=True, frames=())
    failures = there.failures or [unexpected]
    if any(failure.sqlstate == _ABORTED for failure in failures):
        # The refusal of a later statement is shown at the place of the one that failed and was caught.
        return new[:1] or [replace(one, frames=caught[0].frames if caught else one.frames) for one in failures[:1]]
    if all(not failure.sqlstate for failure in failures) and new:
        return new[:1]
    return failures


def _place(failure: Failure, test: str) -> Place:
    """Return the innermost line of the project's code, else that of a test. An assertion is one of the test's line."""
    own = [(file, line, is_given) for name, line, is_given in failure.frames if (file := _own(name))]
    # A function that executes what it is given is not at fault.
    own = [found for found in own if not found[2]] or own
    if not own:
        return Place(name=test)
    file, line, _given = own[-1]
    if not (failure.is_assertion and _is_test(file)):
        file, line, _given = next((found for found in reversed(own) if not _is_test(found[0])), own[-1])
    return Place(file=str(file), line=line)


def not_begun(command: str, line: str) -> Occurrence:
    """Return the occurrence of a command that runs no test on PostgreSQL."""
    return Occurrence(
        rule=_TEST_FAILS,
        place=Place(name=command),
        way=Way.TESTS,
        certainty=Certainty.SEEN,
        effect=Effect.ERROR,
        sqlite=_("the tests run"),
        postgresql=line[:_MAX_TEXT],
        explanation=_("No test ran on PostgreSQL. This is the last line that the command printed."),
    )


def shown(tests: Sequence[str]) -> str:
    """Name the first of some tests, and count the others."""
    names = ", ".join(tests[:_MAX_NAMES])
    left = len(tests) - _MAX_NAMES
    return _("{names} and {count} more", names=names, count=left) if left > 0 else names


def _own(name: str) -> Path | None:
    """Return a file of the project relative to its directory, or None."""
    path, base = Path(name).absolute(), base_directory()
    if not path.is_relative_to(base):
        return None
    relative = path.relative_to(base)
    return None if _FOREIGN & set(relative.parts) else relative


def _is_test(path: Path) -> bool:
    in_folder = bool({"test", "tests"} & set(path.parts[:-1]))
    return in_folder or path.stem.startswith("test") or path.stem.endswith("_test") or path.stem == "conftest"


def _name(test: str, failure: Failure) -> str:
    return f"{test} {failure.sub}" if failure.sub else test


def _occurrence(cause: Cause, seen: Sequence[_Seen]) -> Occurrence:
    """Make the occurrence of a cause, by the first test."""
    test, failure, here = seen[0].test, seen[0].failure, seen[0].on_sqlite
    names = tuple(dict.fromkeys(one.test for one in seen))
    is_secret = names_secret(failure.sql)
    return Occurrence(
        rule=cause.rule,
        place=replace(cause.place, name=test) if cause.assertion else cause.place,
        way=Way.TESTS,
        certainty=Certainty.SEEN,
        effect=Effect.DIFFERENT if failure.is_assertion else Effect.ERROR,
        # The setup of a class or module has an outcome where it fails alone.
        sqlite=_("the test passes") if here else _("the tests pass"),
        postgresql=(without_quoted(failure.line) if is_secret else failure.line)[:_MAX_TEXT],
        sqlstate=failure.sqlstate,
        sql=shown_sql(failure.sql, is_secret=True) if is_secret else failure.sql,
        explanation=_("Seen by {tests}.", tests=shown(names)),
        count=len(seen),
    )
