"""Find select_for_update() outside of a transaction."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="lock-without-transaction",
    title=N_("select_for_update() outside of a transaction"),
    meaning=(
        "SQLite has no row locks, so Django ignores select_for_update() there. On PostgreSQL Django raises"
        " TransactionManagementError outside of a transaction. A TestCase does not show it: it is a"
        " transaction."
    ),
    example="Author.objects.select_for_update().get(pk=1) in a view without transaction.atomic.",
    instead=N_("Wrap it in transaction.atomic(), together with the change that it protects."),
    detection=(
        "Reading the code: no atomic() around it, neither as a block nor as a decorator, and no ATOMIC_REQUESTS."
    ),
    pattern="select_for_update cannot be used outside of a transaction",
)
