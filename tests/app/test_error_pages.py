"""Error pages ask neither the database (these tests have none) nor the session, and programs get JSON."""

import json
import sqlite3
from collections.abc import Callable
from typing import NoReturn

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from psycopg import errors as psycopg_errors
from psycopg_pool import PoolTimeout

from attribution_project import failures, throttle
from attribution_project.views import errors
from tests.app.conftest import BROWSER


class Forbidden:
    """What asks the database for anything that it is asked for itself."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"{name} was asked for")


def fail(error: BaseException, cause: BaseException | None = None) -> NoReturn:
    raise error from cause


def server_error_for(error: Exception) -> Callable[[HttpRequest], HttpResponse]:
    """What is answered while this is being dealt with."""

    def page(request: HttpRequest) -> HttpResponse:
        try:
            fail(error)
        except type(error):
            return errors.server_error(request)

    return page


PAGES: dict[str, tuple[Callable[[HttpRequest], HttpResponse], int]] = {
    "bad request": (lambda request: errors.bad_request(request, SuspiciousOperation("secret detail")), 400),
    "form too large": (lambda request: errors.bad_request(request, RequestDataTooBig("secret detail")), 413),
    "too large": (errors.too_large, 413),
    "forbidden": (errors.forbidden, 403),
    "csrf": (lambda request: errors.csrf_failed(request, "secret detail"), 403),
    "not found": (errors.not_found, 404),
    "locked": (throttle.locked_response, 429),
    "server error": (server_error_for(RuntimeError("secret detail")), 500),
    "lost connection": (server_error_for(OperationalError("connection to secret detail failed")), 503),
}


@pytest.mark.parametrize("headers", [BROWSER, {"accept": "application/json"}], ids=["browser", "program"])
@pytest.mark.parametrize(("page", "status"), PAGES.values(), ids=PAGES)
def test_no_error_page_asks_who_is_logged_in(
    rf: RequestFactory, page: Callable[[HttpRequest], HttpResponse], status: int, headers: dict[str, str]
) -> None:
    request = rf.post("/attribution/", headers=headers)
    vars(request).update(dict.fromkeys(("user", "session", "_messages"), Forbidden()))
    answer = page(request)
    assert answer.status_code == status
    assert b"secret" not in answer.content
    if headers is BROWSER:
        text = answer.content.decode()
        assert "<h1>" in text
        assert "style.css" in text
        assert " style=" not in text  # the Content-Security-Policy would leave it out
        assert "<form" not in text
    else:
        told = json.loads(answer.content)
        assert (told["success"], told["results"]) == (False, [])
        assert told["message"]


def sqlite_error(code: int, words: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        (OperationalError("x"), None, True),
        (InterfaceError("connection already closed"), None, True),
        (OperationalError("x"), PoolTimeout("x"), True),
        (OperationalError("x"), psycopg_errors.DeadlockDetected("x"), True),
        (OperationalError("x"), psycopg_errors.SerializationFailure("x"), True),
        (OperationalError("x"), psycopg_errors.DiskFull("x"), True),
        (InternalError("x"), psycopg_errors.ReadOnlySqlTransaction("x"), True),
        (InternalError("x"), psycopg_errors.InFailedSqlTransaction("x"), False),
        (ProgrammingError("x"), psycopg_errors.UndefinedTable("x"), False),
        (OperationalError("x"), sqlite_error(sqlite3.SQLITE_BUSY, "database is locked"), True),
        (OperationalError("x"), sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT, "database is locked"), True),
        (OperationalError("x"), sqlite_error(sqlite3.SQLITE_READONLY, "attempt to write"), True),
        (OperationalError("x"), sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full"), True),
        (OperationalError("x"), sqlite_error(sqlite3.SQLITE_ERROR, "no such table: x"), False),
        (OperationalError("x"), sqlite3.OperationalError("Could not decode to UTF-8"), False),
        (RuntimeError("x"), None, False),
    ],
    ids=lambda value: f"{type(value).__name__} {value}" if isinstance(value, Exception) else "",
)
def test_what_passes_by_waiting_is_told_from_what_does_not(
    error: Exception, cause: Exception | None, expected: bool
) -> None:
    with pytest.raises(type(error)) as caught:
        fail(error, cause)
    assert failures.unavailable(caught.value) is expected


def session_that_cannot_be_stored() -> None:
    try:
        fail(OperationalError("server closed the connection"))
    except DatabaseError:
        fail(SuspiciousOperation("The request's session was deleted"))


def test_a_session_that_could_not_be_stored_is_no_bad_request(rf: RequestFactory) -> None:
    """Django says that the session was deleted, whatever the database said."""
    with pytest.raises(SuspiciousOperation) as caught:
        session_that_cannot_be_stored()
    assert errors.bad_request(rf.get("/", headers=BROWSER), caught.value).status_code == 503
