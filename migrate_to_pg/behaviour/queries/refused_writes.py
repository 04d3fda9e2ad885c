"""Follow what PostgreSQL would refuse although each statement is right: transactions, locks, keys given by hand."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from migrate_to_pg.behaviour.queries.call_site import CallSite
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Way
from migrate_to_pg.i18n import gettext as _

_ABORTED = "25P02"
#: Statements that end what an error broke.
_RECOVER = ("ROLLBACK", "BEGIN", "COMMIT")


class BrokenTransactions(threading.local):
    """Remember an error in a transaction until it is rolled back: a statement in between fails on PostgreSQL."""

    site: CallSite | None = None

    def failed(self, connection: Any, site: CallSite | None) -> Occurrence | None:
        """Take note of an error. A second one, while nothing was rolled back, is what is looked for."""
        if self.site is not None:
            return self._found()
        if connection.in_atomic_block:
            self.site = site
        return None

    def ran(self, connection: Any, sql: str) -> Occurrence | None:
        """Return what is found where a statement runs in a transaction that an error broke."""
        if self.site is None:
            return None
        if sql.lstrip().upper().startswith(_RECOVER) or not connection.in_atomic_block:
            self.site = None
            return None
        return self._found()

    def _found(self) -> Occurrence | None:
        site, self.site = self.site, None
        if site is None:
            return None
        return Occurrence(
            rule="caught-in-transaction",
            place=site.place,
            way=Way.QUERIES,
            certainty=Certainty.CONFIRMED,
            effect=Effect.ERROR,
            postgresql="current transaction is aborted, commands ignored until end of transaction block",
            sqlstate=_ABORTED,
            explanation=site.explain(_("This statement failed, and the transaction went on with another one.")),
        )


def lock_outside_transaction(connection: Any, site: CallSite, sql: str) -> Occurrence | None:
    """Return what is found where FOR UPDATE is used in no transaction, or in none but that of a test."""
    blocks = getattr(connection, "atomic_blocks", [])
    if any(not getattr(block, "_from_testcase", False) for block in blocks):
        return None
    if connection.in_atomic_block and not blocks:
        return None
    is_test = connection.in_atomic_block
    if is_test and site.code is not None and site.names("in_atomic_block"):
        # The function asks for the transaction of its caller.
        return None
    return Occurrence(
        rule="lock-without-transaction",
        place=site.place,
        way=Way.QUERIES,
        certainty=Certainty.HINT if is_test else Certainty.SEEN,
        effect=Effect.ERROR,
        postgresql="TransactionManagementError: select_for_update cannot be used outside of a transaction.",
        sql=sql,
        explanation=site.explain(_("The only transaction was that of the test.") if is_test else ""),
    )


@dataclass
class GivenKeys:
    """Remember primary keys that were given by hand, and notice when SQLite continues after one of them."""

    _given: dict[tuple[str, int], CallSite] = field(default_factory=dict)
    #: The highest key that the database made for each table: a sequence has passed it too.
    _made: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """Forget all keys: another transaction begins."""
        self._given.clear()
        self._made.clear()

    def inserted(self, table: str, given: list[Any], made: list[Any], site: CallSite) -> Occurrence | None:
        """Take note of the keys of new rows, which were given or made by the database."""
        for key in given:
            if isinstance(key, int) and key > self._made[table]:
                self._given[table, key] = site
        for key in made:
            if isinstance(key, int):
                self._made[table] = max(key, self._made[table])
            if isinstance(key, int) and (found := self._given.pop((table, key - 1), None)):
                return Occurrence(
                    rule="explicit-key",
                    place=found.place,
                    way=Way.QUERIES,
                    certainty=Certainty.CONFIRMED,
                    effect=Effect.ERROR,
                    sqlite=str(key),
                    explanation=found.explain(
                        _(
                            "SQLite continued after key {key} of {table}, which was given by hand."
                            " A sequence does not.",
                            key=key - 1,
                            table=table,
                        )
                    ),
                )
        return None
