"""Find database errors that are caught inside a transaction."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="caught-in-transaction",
    title=N_("A database error is caught inside a transaction"),
    meaning="After an error PostgreSQL refuses every further statement of the transaction. SQLite goes on.",
    example="with transaction.atomic(): try: create(...) except IntegrityError: pass, then another query.",
    instead=N_(
        "Put an inner transaction.atomic() around the statement that may fail, inside of the try. Or use"
        " get_or_create()."
    ),
    detection=(
        "PostgreSQL's error in tests, and reading the code: except IntegrityError inside of atomic() without"
        " a savepoint."
    ),
    sqlstates=("25P02",),
)
