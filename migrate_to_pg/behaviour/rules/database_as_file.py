"""Find code that takes the database for a file."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="database-as-file",
    title=N_("The database is taken for a file"),
    meaning="On PostgreSQL NAME is no path. A copy of the old file backs up nothing, without an error.",
    example=("shutil.copy(settings.DATABASES['default']['NAME'], backup). sqlite3.connect(BASE_DIR / 'db.sqlite3')."),
    instead=N_("Use pg_dump, or manage.py dumpdata, and Django's connection."),
    detection="Reading the code.",
)
