"""Whose address counts behind proxies, and what the throttle makes of it. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from attribution_project.client import client_address
from attribution_project.throttle import FAILURE_WINDOW, MAX_FAILURES
from tests.app.conftest import BROWSER

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


OWNER, ATTACKER, PROXY = "192.0.2.10", "198.51.100.66", "172.18.0.2"
OURS = [ip_network("172.18.0.0/16"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        (0, OWNER, "", OWNER),
        (0, ATTACKER, OWNER, ATTACKER),
        (0, "::ffff:192.0.2.10", "", OWNER),
        (0, "fe80::1%eth0", "", "fe80::1"),
        (0, "", OWNER, ""),
        (1, PROXY, OWNER, OWNER),
        (1, PROXY, f"{OWNER}, {ATTACKER}", ATTACKER),
        (1, PROXY, f"{OWNER},{ATTACKER}", ATTACKER),
        (1, PROXY, "", PROXY),
        (1, "", OWNER, OWNER),
        (1, PROXY, "unknown", PROXY),
        (1, PROXY, f"{OWNER}, ", PROXY),
        (1, PROXY, "' OR 1=1 --", PROXY),
        (1, PROXY, "192.0.2.10:4711", OWNER),
        (1, PROXY, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, PROXY, "[2001:db8::7]", "2001:db8::7"),
        (1, PROXY, "2001:DB8:0::7", "2001:db8::7"),
        (1, PROXY, "::ffff:192.0.2.10", OWNER),
        (1, PROXY, "192.0.2.10:port", PROXY),
        (1, PROXY, "192.0.2.010", PROXY),
        (2, PROXY, f"{ATTACKER}, {OWNER}, 10.0.0.1", OWNER),
        (2, PROXY, OWNER, PROXY),
        (OURS, PROXY, OWNER, OWNER),
        (OURS, PROXY, f"{OWNER}, {ATTACKER}", ATTACKER),
        (OURS, PROXY, f"{ATTACKER}, {OWNER}, 172.18.0.9, fd00::9", OWNER),
        (OURS, "fd00::2", OWNER, OWNER),
        (OURS, ATTACKER, OWNER, ATTACKER),
        (OURS, PROXY, "", PROXY),
        (OURS, PROXY, f"{OWNER}, garbage, 172.18.0.9", "172.18.0.9"),
        (OURS, PROXY, "172.18.0.8, 172.18.0.9", "172.18.0.8"),
        (OURS, PROXY, f"{OWNER}, ::ffff:172.18.0.9", OWNER),
        (OURS, "", OWNER, ""),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(
    trusted: int | list[IPv4Network | IPv6Network], peer: str, forwarded: str, expected: str
) -> None:
    assert client_address(peer, forwarded, trusted) == expected


def attempt(name: str, password: str = "x", *, peer: str = PROXY, forwarded: str | None = None) -> Answer:  # noqa: S107 - a wrong one
    """One try to log in by somebody's own browser."""
    client = Client(headers=BROWSER | ({"x-forwarded-for": forwarded} if forwarded else {}), REMOTE_ADDR=peer)
    return client.post("/login/", {"username": name, "password": password})


@pytest.mark.django_db
@pytest.mark.parametrize("trusted", [1, OURS], ids=["count", "networks"])
def test_an_attacker_behind_the_same_proxy_locks_the_own_address_and_not_the_owner(
    account: Callable[..., User],
    settings: Settings,
    trusted: int | list[IPv4Network | IPv6Network],
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.TRUSTED_PROXIES = trusted
    account("secretariat", "aubry", password="demo")
    for number in range(7):
        # Each with another entry in front, as whoever wants to be somebody else each time sends it.
        answer = attempt("aubry", forwarded=f"192.0.2.{number}, {OWNER}, {ATTACKER}")
    assert answer.status_code == 429
    assert "Trop de tentatives" in answer.content.decode()
    assert answer.headers["Retry-After"] == "3600"
    assert attempt("aubry", "demo", forwarded=ATTACKER).status_code == 429
    assert attempt("aubry", "demo", forwarded=OWNER).status_code == 302
    assert f'ip_address: "{ATTACKER}"' in caplog.text
    assert "aubry" not in caplog.text
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {ATTACKER}


@pytest.mark.django_db
def test_without_the_setting_what_a_client_writes_is_ignored(account: Callable[..., User]) -> None:
    account("secretariat", "aubry", password="demo")
    statuses = [attempt("aubry", peer=ATTACKER, forwarded=f"192.0.2.{number}").status_code for number in range(6)]
    assert statuses[-1] == 429
    assert attempt("aubry", "demo", peer=OWNER, forwarded=ATTACKER).status_code == 302


@pytest.mark.django_db
def test_an_address_that_tries_many_names_has_to_wait_and_nobody_else_has(account: Callable[..., User]) -> None:
    account("secretariat", "aubry", password="demo")
    for number in range(MAX_FAILURES):
        assert attempt(f"name{number}", peer=ATTACKER).status_code == 200
    answer = attempt("another", peer=ATTACKER)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert "quart d’heure" in answer.content.decode()
    # Whoever has to wait is not counted on: neither is the wait longer, nor is a row stored for each attempt.
    assert AccessAttempt.objects.count() == MAX_FAILURES
    assert attempt("aubry", "demo", peer=OWNER).status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - FAILURE_WINDOW - timedelta(seconds=1))
    assert attempt("aubry", "demo", peer=ATTACKER).status_code == 302


@pytest.mark.django_db
def test_the_administration_has_the_same_throttle(account: Callable[..., User]) -> None:
    account(None, "intendant", is_staff=True, password="demo")
    for _ in range(5):
        Client(REMOTE_ADDR=ATTACKER).post("/admin/login/", {"username": "intendant", "password": "x"})
    answer = Client(REMOTE_ADDR=ATTACKER).post("/admin/login/", {"username": "intendant", "password": "demo"})
    assert answer.status_code == 429
    assert answer.json()["success"] is False


@pytest.mark.django_db
def test_an_attempt_while_a_name_is_locked_does_not_lengthen_the_lock(account: Callable[..., User]) -> None:
    account("secretariat", "aubry", password="demo")
    for _ in range(5):
        attempt("aubry", peer=OWNER)
    begun = AccessAttempt.objects.get().attempt_time
    assert attempt("aubry", peer=OWNER).status_code == 429
    assert AccessAttempt.objects.get().attempt_time == begun


@pytest.mark.django_db
def test_of_ipv6_the_network_counts_that_one_household_has(account: Callable[..., User]) -> None:
    account("secretariat", "aubry", password="demo")
    for number in range(6):
        answer = attempt("aubry", peer=f"2001:db8:0:1::{number}")
    assert answer.status_code == 429
    assert attempt("aubry", "demo", peer="2001:db8:0:2::1").status_code == 302


@pytest.mark.django_db
def test_who_has_no_address_can_fail_to_log_in(account: Callable[..., User]) -> None:
    assert attempt("aubry", peer="").status_code == 200
