"""Run the project's tests once on SQLite and once on PostgreSQL, and find those that pass there and fail here.

``find_by_tests(command, copy)`` does all of it. Django makes the tests' database on the copy's server by itself, from
the migrations: its rows are those that the tests make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrate_to_pg.behaviour.records import Occurrence
from migrate_to_pg.behaviour.suite.causes import not_begun, occurrences_of, shown
from migrate_to_pg.behaviour.suite.run_suite import Outcome, run_on_copy, run_on_sqlite
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.trial.open_copy import Copy


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsResult:
    """The results of the tests on both databases."""

    #: One for each cause by which tests fail on PostgreSQL alone.
    occurrences: tuple[Occurrence, ...]
    failing_on_both: tuple[str, ...]
    failing_on_sqlite: tuple[str, ...]
    only_on_sqlite: tuple[str, ...]
    only_on_postgresql: tuple[str, ...]
    #: Those that fail on PostgreSQL, and are skipped on SQLite or are not there.
    failing_without_sqlite: tuple[str, ...]
    #: How many tests ran on SQLite, and on PostgreSQL.
    counts: tuple[int, int]
    #: Of both runs.
    seconds: tuple[float, float]

    def notes(self) -> Iterator[str]:
        """Yield what a reader has to know besides the occurrences, in whole sentences."""
        yield _(
            "{tests} ran on SQLite in {seconds:.1f} s, {count} on PostgreSQL in {seconds_there:.1f} s.",
            tests=pluralize(self.counts[0], "test", "tests"),
            seconds=self.seconds[0],
            count=f"{self.counts[1]:,}",
            seconds_there=self.seconds[1],
        )
        for tests, sentence in (
            (self.failing_on_both, _("Fail on both databases: {tests}.")),
            (self.failing_on_sqlite, _("Fail on SQLite alone: {tests}.")),
            (self.only_on_sqlite, _("Ran on SQLite alone: {tests}.")),
            (self.only_on_postgresql, _("Ran on PostgreSQL alone: {tests}.")),
            (self.failing_without_sqlite, _("Fail on PostgreSQL, and do not run on SQLite: {tests}.")),
        ):
            if tests:
                yield sentence.format(tests=shown(tests))


def find_by_tests(command: str, copy: Copy) -> TestsResult:
    """Run the command on both databases, and compare what became of each test.

    Raises:
        UsageError: The command cannot be run, or runs no test on SQLite.
    """
    here = run_on_sqlite(command, copy)
    there = run_on_copy(command, copy)
    failing = [(outcome, here.outcomes.get(test)) for test, outcome in there.outcomes.items() if outcome.is_bad]
    alone = [(outcome, before) for outcome, before in failing if _passed(outcome.test, before)]
    # unittest calls a setup that failed "setUpClass (shop.tests.BookTests)". The tests of that class did not run.
    failed = (test.partition(" (")[2] for test in there.outcomes if test.startswith(("setUpClass (", "setUpModule (")))
    classes = tuple(f"{name.rstrip(')')}." for name in failed)
    not_run = [] if there.outcomes else [not_begun(command, there.last_lines[-1] if there.last_lines else "")]
    return TestsResult(
        occurrences=(*not_run, *occurrences_of(alone)),
        failing_on_both=tuple(
            test for test, outcome in here.outcomes.items() if outcome.is_bad and _is_bad(there.outcomes.get(test))
        ),
        failing_on_sqlite=tuple(
            test
            for test, outcome in here.outcomes.items()
            if outcome.is_bad and test in there.outcomes and not there.outcomes[test].is_bad
        ),
        only_on_sqlite=tuple(
            test for test in here.outcomes if test not in there.outcomes and not test.startswith(classes)
        ),
        only_on_postgresql=tuple(
            test for test, outcome in there.outcomes.items() if test not in here.outcomes and not outcome.is_bad
        ),
        failing_without_sqlite=tuple(
            outcome.test for outcome, before in failing if not _is_bad(before) and not _passed(outcome.test, before)
        ),
        counts=(len(here.outcomes), len(there.outcomes)),
        seconds=(here.seconds, there.seconds),
    )


def _passed(test: str, before: Outcome | None) -> bool:
    """Report whether a test passed on SQLite. The setup of a class or module is named where it fails alone."""
    return before.is_good if before is not None else test.startswith(("setUp", "tearDown"))


def _is_bad(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.is_bad
