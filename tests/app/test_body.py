"""How much a request may bring along, whoever sends it, before anything of it is read. Runs on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attribution_project.body import MAX_KILOBYTES, SHEET_MEGABYTES
from tests.app.conftest import BROWSER, browser_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


pytestmark = pytest.mark.django_db
IMPORTS = ("/cours/import/", "/enseignants/import/")


class Unread:
    """A body that must not be looked at."""

    def read(self, *arguments: object) -> NoReturn:
        raise AssertionError("the body was read")

    readline = read


def post(client: Client, path: str, length: int, **more: str) -> Answer:
    """A request that says how long its body is."""
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    environ |= {"CONTENT_LENGTH": str(length), "PATH_INFO": path, "wsgi.input": Unread()}
    return client.request(**environ, **more)


@pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/attribution/", "/language/setlang/", "/logout/"])
def test_an_anonymous_client_is_answered_413_before_its_body_is_read(path: str) -> None:
    client = Client(headers=BROWSER, enforce_csrf_checks=True)
    for length in (MAX_KILOBYTES * 1000 + 1, 700_000_000):
        answer = post(client, path, length)
        assert answer.status_code == 413
        assert f"{MAX_KILOBYTES} ko au plus" in answer.content.decode().replace("\u00a0", " ")


def test_a_program_is_told_in_json() -> None:
    answer = post(Client(), "/attribution/", 700_000_000)
    assert (answer.status_code, answer.json()["success"]) == (413, False)


@pytest.mark.parametrize("path", IMPORTS)
def test_an_import_takes_the_sheet_that_its_page_speaks_of_and_no_more(staff: User, path: str) -> None:
    browser = browser_of(staff)
    assert f"{SHEET_MEGABYTES} Mo au plus" in browser.get(path).content.decode().replace("\u00a0", " ")
    for client in (Client(headers=BROWSER), browser):
        answer = post(client, path, 2_000_000 * SHEET_MEGABYTES + 1)
        assert answer.status_code == 413
        assert f"dépasse {SHEET_MEGABYTES} Mo" in answer.content.decode().replace("\u00a0", " ")


def test_what_is_small_enough_is_read(client: Client) -> None:
    fields = {"username": "x" * (MAX_KILOBYTES * 1000 - 1000), "password": "x"}
    assert client.post("/login/", fields).status_code == 200


def test_an_address_that_does_not_exist_reads_nothing() -> None:
    assert post(Client(headers=BROWSER), "/inconnue/", 700_000_000).status_code == 404
