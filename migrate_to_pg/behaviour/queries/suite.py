"""Run a command of the project, such as its tests, with every query of it asked of the snapshot and of the copy.

A suite's database holds the rows of its tests, which the copy does not have. So its own rows are not compared. Each
distinct statement, with the parameters that the tests gave it, is asked of the SQLite snapshot, which is only read, and
of the copy, which holds the same rows. What the tests write therefore makes no difference. What only the rows of the
tests would show is for the way "tests" to find. Errors, types and written values count whatever the rows are.

The hook is installed in the child, and in its children, once Django's applications are ready: by the ``sitecustomize``
of ``trial.startup``. The command needs no change, whatever settings it chooses.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.behaviour.queries import in_child
from migrate_to_pg.behaviour.queries.notebook import Notes, read
from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import language
from migrate_to_pg.system.subprocesses import private_directory
from migrate_to_pg.system.workdir import base_directory
from migrate_to_pg.trial.child_settings import startup_path
from migrate_to_pg.trial.command import command_of_project
from migrate_to_pg.trial.startup.sitecustomize import WHEN_READY

_FILE = "queries.jsonl"


def find_by_queries(command: str, copy_url: str, source: Path, directory: Path, alias: str = DEFAULT_DB_ALIAS) -> Notes:
    """Run a command, and return what its queries do otherwise on the copy.

    Args:
        command: As typed in a shell: ``manage.py test app``, ``pytest -x``. Its output goes to standard error.
        copy_url: The copy on PostgreSQL.
        source: The SQLite file with the same rows.
        directory: Where the occurrences are written meanwhile, in a file that only its owner can read.
        alias: The database whose queries are compared.

    Raises:
        UsageError: The command cannot be run, or no process of it used Django.
    """
    path = (directory / _FILE).resolve()
    path.unlink(missing_ok=True)
    with private_directory(directory.resolve() / "queries") as private:
        config = private / "config.json"
        config.write_text(
            json.dumps(
                {
                    "url": copy_url,
                    "source": str(source.resolve()),
                    "alias": alias,
                    "project": str(base_directory().resolve()),
                    "file": str(path),
                    "language": language(),
                }
            )
        )
        status = _run(command, config)
    if not path.exists():
        raise UsageError(
            _("No process of this command used Django: {command}", command=command),
            remedy=_('Give the command that runs the tests, such as "manage.py test" or "pytest".'),
        )
    notes = read(path)
    if status:
        notes.is_complete = False
        notes.notes.append(
            _(
                "{command} ended with status {status}. Its queries up to there were compared.",
                command=command,
                status=status,
            )
        )
    return notes


def _run(command: str, config: Path) -> int:
    """Run the command with the hook, and return its exit status."""
    hook = {WHEN_READY: f"{in_child.__name__}:{in_child.install_hook.__name__}", in_child.VARIABLE: str(config)}
    environment = {**os.environ, **startup_path(), **hook}
    arguments = command_of_project(command, environment)
    try:
        # Standard output is the report's.
        return subprocess.run(arguments, env=environment, stdout=2, check=False).returncode
    except OSError as error:
        raise UsageError(
            _("{program} cannot be run: {strerror}.", program=arguments[0], strerror=error.strerror)
        ) from error
