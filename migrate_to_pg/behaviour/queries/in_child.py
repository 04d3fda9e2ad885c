"""Hook the queries of a child process, once its Django is ready.

It is imported by every process of the command, so it imports what the hook needs and nothing of the move.
"""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path

from django.conf import settings

from migrate_to_pg.behaviour.queries.hook import Hook
from migrate_to_pg.behaviour.queries.judge import Judge
from migrate_to_pg.behaviour.queries.notebook import Notebook
from migrate_to_pg.behaviour.queries.shadow import Shadow
from migrate_to_pg.i18n import activate
from migrate_to_pg.i18n import gettext as _

#: Variable with the file that says what the hook has to know. The copy's password is in it.
VARIABLE = "MIGRATE_TO_PG_QUERIES"


def install_hook() -> None:
    """Hook the queries of this process, as ``find_by_queries`` wants it."""
    try:
        config = json.loads(Path(os.environ[VARIABLE]).read_text())
    except OSError:
        # A process that outlived the command.
        return
    activate(config["language"])
    notebook = Notebook(Path(config["file"]))
    alias = config["alias"]
    if "sqlite" not in str(settings.DATABASES.get(alias, {}).get("ENGINE")):
        notebook.note(
            _("The database {alias} of the command is not SQLite. Its queries were not compared.", alias=alias)
        )
        return
    judge = Judge(Path(config["source"]), config["url"], alias, notebook)
    shadow = Shadow(judge, waits=True)
    Hook(shadow, alias, Path(config["project"])).install()
    atexit.register(shadow.finish)
