"""Compare the queries of some requests to a development server, or to staging, with the copy.

Off unless the settings say otherwise::

    MIDDLEWARE = [..., "migrate_to_pg.behaviour.queries.middleware.ShadowMiddleware"]
    MIGRATE_TO_PG_SHADOW = {
        "COPY": "postgres://...",        # the copy
        "SOURCE": BASE_DIR / "snapshot", # the SQLite file that it equals; the default is the database itself
        "FILE": BASE_DIR / "behaviour.jsonl",
        "SAMPLE": 0.1,                   # the part of the requests that is compared; the default is 1
    }

``manage.py pg_behaviour --read FILE`` shows what was found. No answer waits for the copy: statements are queued, and
dropped where too many wait. Where the source is the database itself, tables that the process writes to are left out
from then on.
"""

from __future__ import annotations

import atexit
import random
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from migrate_to_pg.behaviour.queries.hook import Hook, is_sampled
from migrate_to_pg.behaviour.queries.judge import Judge
from migrate_to_pg.behaviour.queries.notebook import Notebook
from migrate_to_pg.behaviour.queries.shadow import Shadow
from migrate_to_pg.system.workdir import base_directory

SETTING = "MIGRATE_TO_PG_SHADOW"
_NEEDED = {"COPY", "FILE"}
_KNOWN = _NEEDED | {"SOURCE", "SAMPLE"}
_lock = threading.Lock()
_installed: list[Hook] = []

_Response = HttpResponseBase | Awaitable[HttpResponseBase]


class ShadowMiddleware:
    """Have the queries of the sampled requests compared."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        options = getattr(settings, SETTING, None)
        if not options:
            raise MiddlewareNotUsed(f"{SETTING} is not set.")
        self.get_response = get_response
        if not isinstance(options, Mapping) or not _NEEDED <= set(options) <= _KNOWN:
            raise ImproperlyConfigured(f"{SETTING} is a dictionary with COPY, FILE and, if wanted, SOURCE and SAMPLE.")
        sample = options.get("SAMPLE", 1)
        if isinstance(sample, bool) or not isinstance(sample, (int, float)) or not 0 <= sample <= 1:
            raise ImproperlyConfigured(f"{SETTING}['SAMPLE'] is a number from 0 to 1.")
        self._sample = float(sample)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        with _lock:
            if not _installed:
                _installed.append(_install(options))

    def __call__(self, request: HttpRequest) -> _Response:
        """Answer the request."""
        if self._is_async:
            return self._answer(request)
        token = is_sampled.set(self._draw())
        try:
            response: HttpResponseBase = self.get_response(request)
        finally:
            is_sampled.reset(token)
        return response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        token = is_sampled.set(self._draw())
        try:
            response: HttpResponseBase = await self.get_response(request)
        finally:
            is_sampled.reset(token)
        return response

    def _draw(self) -> bool:
        return random.random() < self._sample  # noqa: S311 - no secret depends on it


def uninstall() -> None:
    """Take the hook off. What was found is in the file."""
    with _lock:
        while _installed:
            _installed.pop().uninstall()


def _install(options: Mapping[str, Any]) -> Hook:
    try:
        notebook = Notebook(Path(options["FILE"]))
    except OSError as error:
        raise ImproperlyConfigured(f"{SETTING}['FILE'] cannot be written: {error.strerror}.") from None
    source = Path(options.get("SOURCE") or settings.DATABASES[DEFAULT_DB_ALIAS]["NAME"])
    judge = Judge(source.resolve(), str(options["COPY"]), DEFAULT_DB_ALIAS, notebook)
    hook = Hook(Shadow(judge, waits=False), DEFAULT_DB_ALIAS, base_directory(), always=False)
    hook.install()
    atexit.register(hook.shadow.finish)
    return hook
