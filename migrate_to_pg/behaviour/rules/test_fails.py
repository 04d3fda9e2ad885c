"""Name tests that pass on SQLite alone, for a reason that no other rule knows."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="test-fails",
    title=N_("A test passes on SQLite and fails on PostgreSQL"),
    meaning="The test compares values that differ, or the code under test raised an error that is not PostgreSQL's.",
    example="self.assertEqual([book.pk for book in Book.objects.all()[:3]], [1, 2, 3]).",
    instead=N_(
        "Run it on the copy: manage.py migrate_to_pg --try test LABEL, with the same --fix and --quarantine as here."
        " Correct the code where users would see the difference, else what the test expects."
    ),
    detection="The tests, once on each database.",
)
