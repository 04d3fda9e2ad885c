"""What reaches production: pinned, each for a reason, and listed; exceptions from rules of security have theirs."""

import http.server
import json
import re
import shutil
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from deploy import images, supported
from deploy.dependencies import PINS, direct, page, pins, reasons
from tests.conftest import ROOT

OURS = ("migrate_to_pg", "attribution_project", "attributions", "courses", "office", "deploy", "demo", "benchmarks")
SOURCES = {path: path.read_text() for top in OURS for path in (ROOT / top).rglob("*.py")}


def test_every_package_is_pinned_by_its_hashes_and_by_nothing_else() -> None:
    lines = [line for line in PINS.read_text().splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins()) == len(lines) > 20
    assert all(pin.hashes for pin in pins())
    assert not re.search(r"https?://|^-e |^git\+", PINS.read_text(), re.MULTILINE)


def test_what_is_asked_for_has_its_reason_and_all_else_comes_with_it() -> None:
    names = {pin.name for pin in pins()}
    assert direct() <= names
    assert direct() <= set(reasons())
    assert all(set(pin.via) & {*names, "django-migrate-to-pg"} for pin in pins())


def test_the_list_in_the_docs_is_that_of_the_pins() -> None:
    """New pins? python -m deploy.dependencies > docs/reference/dependencies.md."""
    assert (ROOT / "docs/reference/dependencies.md").read_text() == "\n".join(page()) + "\n"


def test_every_exception_from_a_rule_of_security_says_why() -> None:
    silent = re.compile(r"noqa: [^-\n]*\bS\d{3}\b(?!.* - \w)")
    assert [path for path, text in SOURCES.items() if silent.search(text)] == []


def test_nothing_is_unpickled() -> None:
    assert [path for path, text in SOURCES.items() if re.search(r"\b(pickle|marshal|shelve)\b", text)] == []


def test_what_is_shipped_has_an_end_that_is_written_down() -> None:
    assert {name.partition(" ")[0] for name in supported.shipped()} == {
        "debian", "django", "nginx", "postgres", "python"
    }  # fmt: skip
    assert set(supported.shipped()) == set(supported.ENDS)


def test_what_is_past_its_end_is_said_from_the_day_after(monkeypatch: pytest.MonkeyPatch) -> None:
    end = supported.End(date(2026, 4, 14), "nginx.org")
    (name,) = [name for name in supported.shipped() if name.startswith("nginx")]
    monkeypatch.setitem(supported.ENDS, name, end)
    assert supported.faults(date(2026, 4, 14)) == []
    assert supported.faults(date(2026, 4, 15)) == [
        f"{name} has had no corrections since 2026-04-14 (nginx.org): ship a newer one."
    ]
    monkeypatch.delitem(supported.ENDS, name)
    assert [line for line in supported.faults(date(2026, 4, 14)) if name in line and "its end is not known" in line]


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry that lends a token first, as Docker's own, and knows every image but nginx."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            if self.headers.get("Authorization") != "Bearer lent":
                where = f"http://{self.headers['Host']}/token"
                self.answer(401, ("WWW-Authenticate", f'Bearer realm="{where}",service="here"'))
            elif "/library/nginx/" in self.path:
                self.answer(404, ("X", "x"))
            else:
                digest = "sha256:" + {"postgres": "a", "python": "b", "debian": "c"}[self.path.split("/")[3]] * 64
                self.answer(200, ("Docker-Content-Digest", digest))

        def do_GET(self) -> None:
            self.answer(200, ("X", "x"))
            self.wfile.write(json.dumps({"token": "lent"}).encode())

        def answer(self, status: int, header: tuple[str, str]) -> None:
            self.send_response(status)
            self.send_header(*header)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_images_get_the_digest_of_their_tag_and_those_that_are_not_told_keep_theirs(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = [tmp_path / path.name for path in images.FILES]
    for path, copy in zip(images.FILES, copies, strict=True):
        shutil.copy(path, copy)
    monkeypatch.setattr(images, "FILES", tuple(copies))
    before = [images.images(copy) for copy in copies]
    for _ in range(2):
        assert images.main(registry) == 1
        told = capsys.readouterr().out
        assert "nginx:" in told
        assert "keeps what it has" in told
        assert len(told.splitlines()) == 1
        compose, dockerfile = (copy.read_text() for copy in copies)
        assert re.search(rf"image: postgres:\d+@sha256:{'a' * 64}$", compose, re.MULTILINE)
        assert re.search(r"image: nginx:[\d.]+$", compose, re.MULTILINE)
        assert len(re.findall(rf"^FROM python:[\d.]+-slim@sha256:{'b' * 64} AS \w+$", dockerfile, re.MULTILINE)) == 2
        assert [images.images(copy) for copy in copies] == before
