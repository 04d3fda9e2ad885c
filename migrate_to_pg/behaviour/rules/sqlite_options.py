"""Find settings of a connection that PostgreSQL refuses."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="sqlite-options",
    title=N_("OPTIONS that PostgreSQL does not know"),
    meaning=(
        "OPTIONS are handed to the driver. psycopg refuses timeout, transaction_mode, init_command and"
        " check_same_thread."
    ),
    example="DATABASES = {'default': {'ENGINE': ..., 'OPTIONS': {'timeout': 20}}}.",
    instead=N_("Give OPTIONS for each database, not for both: in the branch of the settings that chooses SQLite."),
    detection="The entry of DATABASES when the copy is its database.",
)
