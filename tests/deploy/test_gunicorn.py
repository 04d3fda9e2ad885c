"""What gunicorn, with the settings of the image, takes of a client before the application sees it, and what it logs."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.deploy.conftest import Container, Database

OWNER, ATTACKER = "192.0.2.10", "198.51.100.66"
MB = 1_000_000


@pytest.fixture(scope="module")
def behind_one(container: Callable[..., Container], server: Database) -> Iterator[Container]:
    """A container with one proxy in front: whoever connects to it."""
    with container(server.migrated(container), TRUSTED_PROXIES="1") as one:
        one.wait_until_ready()
        yield one


def ask(one: Container, method: str, path: str, headers: dict[str, str], body: Any = None, **more: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
    connection.request(method, path, body, {"Host": "localhost", "Accept": "text/html"} | headers, **more)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def log_of(one: Container, path: str) -> list[str]:
    """Whom the access log names for this address; the line is written after the answer."""
    line = re.compile(rf'^(\S+) - - \[[^]]+\] "GET {re.escape(path)} ', re.MULTILINE)
    deadline = time.monotonic() + 30
    while not (found := line.findall(one.log)):
        assert time.monotonic() < deadline, one.log
        time.sleep(0.05)
    return found


def test_the_access_log_has_the_client_s_address(
    behind_one: Container, container: Callable[..., Container], server: Database
) -> None:
    spoofed = {"X-Forwarded-For": f"{OWNER}, {ATTACKER}"}
    assert ask(behind_one, "GET", "/login/?who=one", spoofed)[0] == 200
    assert log_of(behind_one, "/login/?who=one") == [ATTACKER]
    ask(behind_one, "GET", "/static/style.css?who=two", spoofed)
    assert log_of(behind_one, "/static/style.css?who=two") == [ATTACKER]
    with container(server.migrated(container)) as direct:
        direct.wait_until_ready()
        assert ask(direct, "GET", "/login/?who=three", spoofed)[0] == 200
        assert log_of(direct, "/login/?who=three") == ["127.0.0.1"]


def test_several_headers_are_one_list(behind_one: Container) -> None:
    lines = ["GET /login/?who=four HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"X-Forwarded-For: {OWNER}", f"X-Forwarded-For: {ATTACKER}", "X_Forwarded_For: 192.0.2.99", "", ""]
    with socket.create_connection(("127.0.0.1", behind_one.port), timeout=60) as plain:
        plain.sendall("\r\n".join(lines).encode())
        while plain.recv(65536):
            pass
    assert log_of(behind_one, "/login/?who=four") == [ATTACKER]


def test_a_large_body_is_refused_while_it_is_still_on_its_way(behind_one: Container) -> None:
    with socket.create_connection(("127.0.0.1", behind_one.port), timeout=60) as plain:
        plain.sendall(b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 700000000\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_counted_as_it_comes(behind_one: Container) -> None:
    json = {"Content-Type": "application/json"}
    status, _ = ask(behind_one, "POST", "/login/", json, iter([b"x" * 1000] * 300), encode_chunked=True)
    assert status == 413
    # No more than the largest limit is read of it.
    with socket.create_connection(("127.0.0.1", behind_one.port), timeout=60) as plain:
        plain.sendall(b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            plain.sendall(b"F4240\r\n" + b"x" * MB + b"\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_small_body_without_a_length_is_read(behind_one: Container) -> None:
    token = "t" * 32
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={token}"}
    body = f"csrfmiddlewaretoken={token}&language=en&next=/login/".encode()
    for chunked in (True, False):
        status, text = ask(
            behind_one, "POST", "/language/setlang/", form, iter([body]) if chunked else body, encode_chunked=chunked
        )
        assert status == 302, text


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/login/?" + "x" * 4100, {}),
        ("/login/", {"X-Long": "x" * 8200}),
        ("/login/", {f"X-{number}": "x" for number in range(65)}),
    ],
    ids=["line", "field", "fields"],
)
def test_lines_and_fields_have_an_end(behind_one: Container, path: str, headers: dict[str, str]) -> None:
    assert 400 <= ask(behind_one, "GET", path, headers)[0] < 500
