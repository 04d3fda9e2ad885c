"""The proxy: what a client may send, how slowly, and who it is then. Debian's nginx with our own settings."""

import contextlib
import http.server
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.debian import free_port
from tests.deploy.conftest import Container, as_nobody, give_to_nobody

pytestmark = pytest.mark.full

#: More than the threads of a container: two processes of four.
SLOW = 50


class Client:
    """Requests as they go over the wire, so that one may be broken off or never end."""

    def __init__(self, port: int) -> None:
        self.port = port

    def open(self, request: str, body: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), 10)
        connection.sendall(request.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return connection

    def ask(self, request: str, body: bytes = b"") -> str:
        """The answer, head and body, of a request that is over."""
        with self.open(f"{request}\nConnection: close", body) as connection:
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")

    def post(self, path: str, size: int) -> int:
        """The status of a body of this size, of which not more is sent than the server takes."""
        head = f"POST {path} HTTP/1.1\nHost: localhost\nContent-Length: {size}\nExpect: 100-continue"
        with self.open(head) as connection:
            answer = connection.recv(1000)
            if answer.startswith(b"HTTP/1.1 100"):
                connection.sendall(b"x" * size)
                answer = connection.recv(1000)
        return int(answer.split()[1])


@pytest.fixture
def proxy(shared_folder: Path, tmp_path: Path) -> Callable[..., AbstractContextManager[Client]]:
    """proxy(port, count): nginx on the settings of the image but for places, before what listens on that port."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is missing: make test-full installs it when it runs as root"

    @contextlib.contextmanager
    def run(upstream: int, count: str = "1") -> Iterator[Client]:
        place, port = shared_folder / f"nginx-{free_port()}", free_port()
        (place / "body").mkdir(parents=True)
        for path in (place, place / "body"):
            path.chmod(0o700)
            give_to_nobody(path)
        text = (ROOT / "deploy/nginx.conf").read_text()
        for ours, here in (
            ("listen 127.0.0.1:8081", f"listen 127.0.0.1:{free_port()}"),
            ("listen 8080", f"listen 127.0.0.1:{port}"),
            ("set $web web:8000", f"set $web 127.0.0.1:{upstream}"),
            ("/tmp/", f"{place}/"),  # noqa: S108 - of its container alone
        ):
            assert ours in text
            text = text.replace(ours, here)
        (shared_folder / "nginx.conf").write_text(text)
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "TRUSTED_PROXIES": count}
        environment["CLIENT_CONF"] = f"{place}/client.conf"
        (shared_folder / "proxy.sh").write_text((ROOT / "deploy/proxy.sh").read_text())
        command = as_nobody("sh", shared_folder / "proxy.sh", "-c", shared_folder / "nginx.conf", "-e", "stderr")
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                deadline = time.monotonic() + 20
                while True:
                    assert process.stderr
                    assert process.poll() is None, process.stderr.read()
                    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                        break
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                yield Client(port)
            finally:
                process.send_signal(signal.SIGTERM)

    return run


@pytest.fixture(scope="module")
def echo_port() -> Iterator[int]:
    """The port of an application that says what the proxy has told it, and how much of a body came."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = f"{self.headers}\n{len(self.rfile.read(int(self.headers.get('Content-Length') or 0)))}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST  # noqa: N815 - as http.server calls it

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


FORGED = "X-Forwarded-For: 203.0.113.9, 198.51.100.7\nX-Forwarded-Proto: https"


@pytest.mark.parametrize(
    ("count", "protocol"), [("1", "http"), ("2", "https")], ids=["alone", "behind a proxy that speaks HTTPS"]
)
def test_the_application_is_told_who_connected_and_how(
    proxy: Callable[..., AbstractContextManager[Client]], echo_port: int, count: str, protocol: str
) -> None:
    with proxy(echo_port, count) as client:
        told = client.ask(f"GET / HTTP/1.1\nHost: localhost\n{FORGED}")
    assert "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 127.0.0.1" in told
    assert f"X-Forwarded-Proto: {protocol}\n" in told
    assert "Host: localhost\n" in told


def test_a_number_of_proxies_that_is_none_is_said_in_a_line(
    proxy: Callable[..., AbstractContextManager[Client]], echo_port: int
) -> None:
    with pytest.raises(AssertionError, match="TRUSTED_PROXIES=0 is not the number of proxies"), proxy(echo_port, "0"):
        pass


def test_a_body_is_small_but_where_sheets_are_uploaded(
    proxy: Callable[..., AbstractContextManager[Client]], echo_port: int
) -> None:
    with proxy(echo_port) as client:
        assert client.post("/login/", 200_000) == 200
        assert client.post("/login/", 300_000) == 413
        assert client.post("/cours/import/", 1_500_000) == 200
        assert client.post("/enseignants/import/", 1_500_000) == 200
        assert client.post("/enseignants/import/", 3_000_000) == 413
        assert client.post("/cours/import/x", 300_000) == 413


def test_slow_bodies_hold_no_thread_of_the_application(
    proxy: Callable[..., AbstractContextManager[Client]], container: Callable[..., Container], url: str
) -> None:
    with container(url) as one:
        one.wait_until_healthy()
        with proxy(one.port) as client, contextlib.ExitStack() as held:
            slow = "POST /login/ HTTP/1.1\nHost: localhost\nContent-Length: 100000"
            for _ in range(SLOW):
                held.enter_context(client.open(slow, b"a"))
            for _ in range(20):
                assert client.ask("GET /login/ HTTP/1.1\nHost: localhost").startswith("HTTP/1.1 200")


def test_one_address_holds_so_many_requests_and_no_more(
    proxy: Callable[..., AbstractContextManager[Client]], echo_port: int
) -> None:
    """The others go on; which address it is, the proxy in front says."""
    with proxy(echo_port, "2") as client, contextlib.ExitStack() as held:
        slow = "POST /login/ HTTP/1.1\nHost: localhost\nX-Forwarded-For: {}\nContent-Length: 100000"
        for n in range(110):  # some more, since those that ask below count as well
            # What a client writes into the header itself is to the left of what the proxy in front adds.
            held.enter_context(client.open(slow.format(f"10.0.0.{n}, 203.0.113.9"), b"a"))
        for number, status in (("203.0.113.9", 429), ("203.0.113.8", 200)):
            deadline = time.monotonic() + 20
            while not (told := client.ask(f"GET / HTTP/1.1\nHost: localhost\nX-Forwarded-For: {number}")).startswith(
                f"HTTP/1.1 {status}"
            ):
                assert time.monotonic() < deadline, told
                time.sleep(0.05)


def test_an_answer_that_breaks_off_does_not_look_like_one_that_is_over(
    proxy: Callable[..., AbstractContextManager[Client]],
) -> None:
    """A sheet of which only the beginning came must not be taken for all of it."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
    with socket.create_server(("127.0.0.1", 0)) as application:

        def answer(end: bytes) -> None:
            connection, _ = application.accept()
            with connection:
                asked = connection.recv(65536).split(b"\r\n")[0]
                # Only the newer protocol has chunks, which say where the end is.
                assert asked.endswith(b"HTTP/1.1")
                connection.sendall(chunked + end)

        with proxy(application.getsockname()[1]) as client:
            for end, said in ((b"0\r\n\r\n", "\r\n0\r\n\r\n"), (b"", "first\r\n")):
                thread = threading.Thread(target=answer, args=(end,))
                thread.start()
                assert client.ask("GET /cours/ HTTP/1.1\nHost: localhost").endswith(said)
                thread.join()
