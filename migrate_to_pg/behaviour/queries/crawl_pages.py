"""Ask for every page of the project, and compare the queries of each.

Pages are asked for by Django's test client, with GET alone. The project's database is meanwhile a private copy of the
snapshot. So a view that writes works as it does for a visitor, and what it wrote is thrown away with the file. The rows
that are compared are those of the snapshot itself, which nothing writes to.
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.db import DEFAULT_DB_ALIAS
from django.test import Client
from django.test.utils import setup_test_environment, teardown_test_environment

from migrate_to_pg.behaviour.queries.hook import Hook
from migrate_to_pg.behaviour.queries.judge import Judge
from migrate_to_pg.behaviour.queries.notebook import Notebook, Notes, read
from migrate_to_pg.behaviour.queries.pages import Frontier, links, routes
from migrate_to_pg.behaviour.queries.shadow import Shadow
from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.alias_override import override_alias
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import sqlite_entry
from migrate_to_pg.sqlite.connection import open_snapshot
from migrate_to_pg.system.workdir import base_directory

#: For each of the two visitors.
_PAGES = 300
_HOST = "testserver"
_SERVER_ERROR = 500
#: Longer answers are not searched for links.
_LONGEST_PAGE = 2_000_000


def crawl(copy_url: str, source: Path, user: str | None = None, alias: str = DEFAULT_DB_ALIAS) -> Notes:
    """Ask for the pages as anonymous, and as a user if one is named. Return what their queries do otherwise.

    Args:
        copy_url: The copy on PostgreSQL.
        source: The SQLite file with the same rows.
        user: The username of somebody in these rows.
        alias: The database whose queries are compared.

    Raises:
        UsageError: There is no such user.
    """
    with tempfile.TemporaryDirectory(prefix="migrate_to_pg-") as folder, _working_copy(source, Path(folder), alias):
        path = Path(folder) / "queries.jsonl"
        notebook = Notebook(path)
        shadow = Shadow(Judge(source.resolve(), copy_url, alias, notebook), waits=True)
        hook = Hook(shadow, alias, base_directory())
        setup_test_environment(debug=False)
        hook.install()
        try:
            with _no_logs():
                for visitor in (None, user) if user else (None,):
                    _visit(visitor, notebook)
        finally:
            hook.uninstall()
            teardown_test_environment()
        return read(path)


@contextmanager
def _no_logs() -> Iterator[None]:
    """Keep the project's log out of the output: that a visitor may not see a page is no event."""
    former = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(former)


@contextmanager
def _working_copy(source: Path, folder: Path, alias: str) -> Iterator[None]:
    """Put a private copy of the snapshot in the place of the project's database."""
    private = folder / "db.sqlite3"
    with closing(open_snapshot(source)) as snapshot, closing(sqlite3.connect(private)) as target:
        snapshot.backup(target)
    entry = sqlite_entry(SourceChoice(path=private, alias=alias, time_zone="UTC"), private)
    with override_alias(alias, entry):
        yield


def _visit(username: str | None, notebook: Notebook) -> None:
    client = Client(raise_request_exception=False)
    user = None
    if username:
        model = get_user_model()
        user = model._default_manager.filter(**{model.USERNAME_FIELD: username}).first()
        if user is None:
            raise UsageError(
                _("There is no user {name}.", name=username),
                remedy=_("Name one that the data have, by what it logs in with."),
            )
    frontier = Frontier(_PAGES)
    frontier.add(routes())
    for address in frontier:
        if user is not None and SESSION_KEY not in client.session:
            # At first, and after a page that logs out.
            client.force_login(user)
        response = client.get(address, secure=True)
        notebook.count("pages")
        if response.status_code >= _SERVER_ERROR:
            shown = _shown(address, response)
            notebook.note(_("{address} answers {status} on SQLite.", address=shown, status=response.status_code))
        frontier.add(_links(response, address))


def _shown(address: str, response: Any) -> str:
    """Return an address, or its route where a page filled in arguments: one of them may be a token."""
    path = address.partition("?")[0]
    match = getattr(response, "resolver_match", None)
    return f"/{match.route}" if match and (match.args or match.kwargs) else path


def _links(response: Any, address: str) -> list[str]:
    if location := response.headers.get("Location"):
        return links(f'<a href="{location}">', address, _HOST)
    kind = response.headers.get("Content-Type", "")
    if response.streaming or not ("html" in kind or "xml" in kind) or len(response.content) > _LONGEST_PAGE:
        return []
    return links(response.content.decode(response.charset, "replace"), address, _HOST)
