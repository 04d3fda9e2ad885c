"""Serve the application by gunicorn, and send it requests."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_START_TIMEOUT = 30
_PORT = re.compile(rb"Listening at: http://127\.0\.0\.1:(\d+)")
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Application:
    """Context manager that runs the server on a free port.

    ``options`` are gunicorn's own: ("--workers", "4").
    """

    def __init__(self, root: Path, environment: Mapping[str, str], options: Sequence[str] = ()) -> None:
        self._root = root
        self._options = options
        self._environment = environment
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        command = ["-m", "gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket", *self._options]
        self._process = subprocess.Popen(
            [sys.executable, *command, "attribution_project.wsgi"],
            cwd=self._root,
            env=os.environ | self._environment,
            stdout=self._log,
            stderr=self._log,
        )
        self.address = f"http://127.0.0.1:{self._port()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._log.close()

    def log(self) -> str:
        """Return the server's output until now."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def log_in(self, username: str, password: str) -> None:
        """Log in by the form, as a person does."""
        form = {"username": username, "password": password, "csrfmiddlewaretoken": self._token("/login/")}
        self._open("/login/", urllib.parse.urlencode(form).encode(), {})

    def post(self, path: str, fields: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Send JSON by POST. Return the status and the JSON of the response."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-CSRFToken": self._token(path),
        }
        status, text = self._open(path, json.dumps(fields).encode(), headers)
        return status, json.loads(text)

    def _token(self, path: str) -> str:
        found = _TOKEN.search(self._open(path, None, {"Accept": "text/html"})[1])
        if found is None:
            raise RuntimeError(f"{path} has no form")
        return found[1]

    def _open(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, str]:
        request = urllib.request.Request(self.address + path, body, dict(headers))  # noqa: S310 - our own server
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _port(self) -> int:
        """Return the port that gunicorn listens at."""
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            self._log.seek(0)
            found = _PORT.search(self._log.read())
            if found:
                return int(found[1])
            time.sleep(0.05)
        raise RuntimeError(f"gunicorn did not start:\n{self.log()}")
