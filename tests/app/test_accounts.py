"""Passwords changed and reset, locks ended, and no right granted by somebody who lacks it. On both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from attribution_project import throttle
from tests.app.conftest import BROWSER, browser_of

pytestmark = pytest.mark.django_db
NEW = {"new_password1": "betterave-7-sols", "new_password2": "betterave-7-sols"}


@pytest.fixture
def administrator(account: Callable[..., User]) -> User:
    return account("administrateur", "admin1", is_staff=True, password="demo")


def may_log_in(username: str, password: str, address: str = "127.0.0.1") -> bool:
    browser = Client(headers=BROWSER, REMOTE_ADDR=address)
    return browser.post("/login/", {"username": username, "password": password}).status_code == 302


def test_everybody_changes_their_own_password(account: Callable[..., User]) -> None:
    browser = browser_of(account("enseignant", "elle", password="demo"))
    assert "/comptes/mot-de-passe/" in browser.get("/enseignants/moi/").content.decode()
    assert browser.post("/comptes/mot-de-passe/", {"old_password": "x"} | NEW).status_code == 200
    weak = {"old_password": "demo", "new_password1": "123", "new_password2": "123"}
    assert "trop court" in browser.post("/comptes/mot-de-passe/", weak).content.decode()
    page = browser.post("/comptes/mot-de-passe/", {"old_password": "demo"} | NEW, follow=True)
    assert "Votre mot de passe est modifié" in page.content.decode()
    assert (may_log_in("elle", "demo"), may_log_in("elle", "betterave-7-sols")) == (False, True)


def test_an_administrator_gives_a_new_password_and_ends_a_lock(
    account: Callable[..., User], administrator: User
) -> None:
    user, browser = account("secretariat", "aubry", password="demo"), browser_of(administrator)
    for _ in range(5):
        may_log_in("aubry", "x")
    assert not may_log_in("aubry", "demo")
    assert "verrouillé" in browser.get("/comptes/").content.decode()
    assert may_log_in("aubry", "demo", "192.0.2.7")  # locked where the guesses came from
    browser.post(f"/comptes/{user.pk}/deverrouiller/")
    assert may_log_in("aubry", "demo")
    for _ in range(5):
        may_log_in("aubry", "x")
    assert browser.post(f"/comptes/{user.pk}/mot-de-passe/", NEW).status_code == 302
    assert may_log_in("aubry", "betterave-7-sols")


def test_an_address_that_tried_many_names_waits_until_it_is_released(
    account: Callable[..., User], administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "MAX_FAILURES", 6)
    account("secretariat", "aubry", password="demo")
    for number in range(6):
        may_log_in(f"name{number}", "x")
    assert not may_log_in("aubry", "demo")
    browser = browser_of(administrator)
    assert "127.0.0.1" in browser.get("/comptes/").content.decode()
    browser.post("/comptes/adresses/", {"address": "127.0.0.1"})
    assert may_log_in("aubry", "demo")


def test_nobody_reaches_an_account_with_more_rights(account: Callable[..., User], administrator: User) -> None:
    superuser = account(None, "root", is_superuser=True, is_staff=True, password="demo")
    stronger = account("administrateur", "admin2")
    stronger.user_permissions.add(Permission.objects.get(codename="delete_session"))
    browser = browser_of(administrator)
    for target in (superuser, stronger):
        for action in ("mot-de-passe", "deverrouiller"):
            assert browser.post(f"/comptes/{target.pk}/{action}/", NEW).status_code == 403
        assert browser.post(f"/admin/auth/user/{target.pk}/password/", NEW).status_code == 403
        assert browser.post(f"/admin/auth/user/{target.pk}/change/", {"username": "x"}).status_code == 403
        assert browser.post(f"/admin/auth/user/{target.pk}/delete/", {"post": "yes"}).status_code == 403
    assert may_log_in("root", "demo")


def test_nobody_grants_a_right_that_they_lack(account: Callable[..., User], administrator: User) -> None:
    administrator.user_permissions.add(*Permission.objects.filter(codename__in=["change_group", "view_group"]))
    stronger = Group.objects.create(name="direction")
    more = Permission.objects.get(codename="delete_session")
    stronger.permissions.add(more)
    target, browser = account("secretariat", "aubry"), browser_of(administrator)
    address = f"/admin/auth/user/{target.pk}/change/"
    sent = {"username": "aubry", "is_active": "on", "is_superuser": "on", "date_joined_0": "2026-01-01"}
    sent |= {"date_joined_1": "10:00:00"}
    for extra in ({"groups": [stronger.pk]}, {"user_permissions": [more.pk]}):
        assert browser.post(address, sent | extra).status_code == 200  # refused by the form
    groups = list(Group.objects.filter(name__in=["secretariat", "administrateur"]).values_list("pk", flat=True))
    assert browser.post(address, sent | {"groups": groups}).status_code == 302
    target.refresh_from_db()
    assert (target.is_superuser, target.groups.count()) == (False, 2)
    role = Group.objects.get(name="lecteur")
    assert (
        browser.post(f"/admin/auth/group/{role.pk}/change/", {"name": "x", "permissions": [more.pk]}).status_code == 200
    )
    assert browser.post(f"/admin/auth/group/{stronger.pk}/change/", {"name": "x"}).status_code == 403
    assert not role.permissions.filter(pk=more.pk).exists()


def test_a_superuser_may_all_of_it(admin_client: Client, account: Callable[..., User]) -> None:
    target = account("secretariat", "aubry")
    page = admin_client.get(f"/admin/auth/user/{target.pk}/change/").content.decode()
    assert 'name="is_superuser"' in page
    assert admin_client.post(f"/comptes/{target.pk}/mot-de-passe/", NEW).status_code == 302
