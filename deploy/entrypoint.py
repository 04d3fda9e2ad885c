"""Prepare a container, and become its command.

    python -m deploy.entrypoint gunicorn --config deploy/gunicorn_conf.py attribution_project.wsgi

Gunicorn is started after the migrations. Any other command runs at once, on the database itself and not through
PgBouncer, which lends a connection for one transaction only.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.migrate_once import migrate_once


def main(command: Sequence[str]) -> int:
    """Prepare and become the command. Return a status only if that is not possible."""
    if not command:
        return _fail("No command was given: gunicorn ..., or python manage.py ...")
    serves = Path(command[0]).name == "gunicorn"
    try:
        if serves:
            migrate_once()
            os.environ.update(_serving(os.environ))
        sys.stdout.flush()  # what is still in memory goes with this program
        os.execvp(command[0], list(command))  # noqa: S606 - the command of the container
    except OSError as error:
        return _fail(f"{command[0]} could not be started: {error}.")


def _serving(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the database URL of the web server: through PgBouncer if there is one."""
    url = environment.get("POOL_DATABASE_URL")
    if not url or environment.get("PGBOUNCER_REPLICAS", "0") == "0":
        return {}
    return {"DATABASE_URL": url, "DATABASE_BEHIND_PGBOUNCER": "on"}


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
