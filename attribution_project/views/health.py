"""Health checks without login: /livez for the process, /healthz for the database as well."""

import os
import shutil
from contextlib import nullcontext
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .. import failures
from ..permissions import View, open_to_everybody

#: PostgreSQL writes this query's rows, some 300 kB, into a temporary file.
_SPILL_QUERY = "SELECT count(*) FROM generate_series(1, 20000)"
_DISK_FULL = "53100"
_NOT_ALLOWED = "42501"
_MIN_FREE_BYTES = 1_000_000


@open_to_everybody
@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200 without asking the database: a restart of this process would not bring the database back."""
    return JsonResponse({"status": "ok"})


@open_to_everybody
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database answers, has every migration and can be written to, else 503."""
    connection = connections[DEFAULT_DB_ALIAS]
    state = {"database": connection.vendor, "migrations": "applied", "writes": "possible"}
    try:
        if _has_missing_migrations(frozenset(MigrationRecorder(connection).applied_migrations())):
            state["migrations"] = "missing"
        state["writes"] = _write_state(connection) or _refused_statement(connection) or "possible"
        status = "ok" if (state["migrations"], state["writes"]) == ("applied", "possible") else "degraded"
    except Error:
        state |= {"migrations": "unknown", "writes": "unknown"}
        status = "unavailable"
    code = HTTPStatus.OK if status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"status": status} | state, status=code)


@lru_cache(maxsize=1)
def _has_missing_migrations(applied: frozenset[tuple[str, str]]) -> bool:
    """Return whether a migration is missing. The graph is built again only when other migrations are applied."""
    loader = MigrationLoader(connections[DEFAULT_DB_ALIAS])
    return not loader.graph.nodes.keys() <= loader.applied_migrations.keys()


def _write_state(connection: Any) -> str:
    """Return why the database cannot store anything, or ""."""
    if connection.vendor == "sqlite":
        return _sqlite_write_state(Path(connection.settings_dict["NAME"]))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'")
        standby, read_only = cursor.fetchone()
        if standby or read_only:
            return "standby" if standby else "read-only"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64kB'")
            cursor.execute(_SPILL_QUERY)
    except Error as error:
        if getattr(error.__cause__, "sqlstate", None) != _DISK_FULL:
            raise
        return "disk full"
    return ""


def _refused_statement(connection: Any) -> str:
    """Return "schema" or "permission" if the database would refuse to insert rows, else "".

    EXPLAIN prepares the statement, with its triggers and foreign keys, and stores nothing.
    """
    for application in ("courses", "attributions", "office"):
        for model in apps.get_app_config(application).get_models():
            table = connection.ops.quote_name(model._meta.db_table)
            # On SQLite a transaction would wait for the write lock.
            alone = nullcontext() if connection.vendor == "sqlite" else transaction.atomic()
            try:
                with alone, connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN INSERT INTO {table} DEFAULT VALUES")
            except Error as error:
                if failures.unavailable(error):
                    raise
                return "permission" if getattr(error.__cause__, "sqlstate", None) == _NOT_ALLOWED else "schema"
    return ""


def _sqlite_write_state(path: Path) -> str:
    if not path.exists():  # a test's, in memory
        return ""
    if not all(os.access(place, os.W_OK) for place in (path, path.parent)):
        return "read-only"
    return "" if shutil.disk_usage(path.parent).free > _MIN_FREE_BYTES else "disk full"


def answer_under_any_host(get_response: View) -> View:
    """Middleware that answers both under any host name, because load balancers ask by IP address."""
    views = {reverse("healthz"): healthz, reverse("livez"): livez}

    def middleware(request: HttpRequest) -> HttpResponseBase:
        view = views.get(request.path)
        return view(request) if view else get_response(request)

    return middleware
