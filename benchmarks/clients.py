"""Clients that attribute and look over HTTP, without a pause, and note what they were answered and how fast."""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

#: Course code, component, academic year.
Part = tuple[str, str, str]
#: Of so many attempts one is at a part that every client tries.
CONTESTED_EVERY = 10


@dataclass
class Client:
    """One browser on one connection: attributes a part, looks at what is free, and again."""

    address: str
    session: str
    teachers: Sequence[str]
    parts: Sequence[Part]
    contested: Sequence[Part]
    #: All that it was answered 201 for: these must be in the database.
    won: list[Part] = field(default_factory=list)
    #: Seconds of each of those whose answer came before the end: these are counted.
    successes: list[float] = field(default_factory=list)
    #: Answers by their status: 0 where there was none.
    answers: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.session)  # noqa: S311 - which teacher is asked for, no secret
        token = f"{self._chance.getrandbits(128):032x}"
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Cookie": f"sessionid={self.session}; csrftoken={token}",
            "X-CSRFToken": token,
        }
        place = urlsplit(self.address)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)

    def connect(self) -> None:
        """Look once: a server that has just been started imports half of itself for its first answers."""
        self._check_or_dump(self.parts[0])
        self.answers.clear()

    def run(self, until: float) -> None:
        """Go on until that moment of the monotonic clock."""
        for part in self._wanted():
            if time.monotonic() > until:
                break
            self._attribute(part, until)
            self._check_or_dump(part)
        self._connection.close()

    def _wanted(self) -> Iterator[Part]:
        contested = iter(self.contested)
        for number, part in enumerate(self.parts, 1):
            yield part
            if number % CONTESTED_EVERY == 0:
                yield next(contested, part)

    def _check_or_dump(self, part: Part) -> None:
        self._ask("GET", f"/attribution/parts/?year={part[2]}", None)

    def _attribute(self, part: Part, until: float) -> None:
        course, component, year = part
        teacher = self._chance.choice(self.teachers)
        asked = {"course": course, "component": component, "teacher": teacher, "academic_year": year}
        start = time.monotonic()
        status = self._ask("POST", "/attribution/", json.dumps(asked))
        end = time.monotonic()
        if status == HTTPStatus.CREATED:
            self.won.append(part)
            if end <= until:
                self.successes.append(end - start)

    def _ask(self, method: str, path: str, body: str | None) -> int:
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            print(repr(error), file=sys.stderr)
            self._connection.close()
            self.answers[0] += 1
            return 0
        self.answers[answer.status] += 1
        return answer.status


def run_together(clients: Sequence[Client], seconds: float, started: Callable[[], None]) -> None:
    """All of them at once, for so long; ``started`` is called when they are connected, one after the other.

    Connections that come in one moment may all be taken by one process of the server.
    """
    for client in clients:
        client.connect()
    started()
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=client.run, args=(until,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
