"""Fifty people attribute the same parts at once, over HTTP, on each database: one wins each, the others hear who."""

import http.client
import json
import random
import shutil
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo.application import Application
from demo.secretaries import program
from tests.conftest import ROOT, Run

THREADS = 50
#: How often parts are asked for, and how many parts there are.
ASKED = [(300, 45), pytest.param(2_000, 300, marks=pytest.mark.full)]
YEAR = "2026-2027"
#: Limited, for else the first of them accepts all fifty connections, and the others look on.
THREE_PROCESSES = ("--preload", "--workers", "3", "--threads", "8", "--worker-connections", "20")


#: A university in which nobody has attributed anything yet, and a session for each of fifty secretaries.
def prepare(parts: int) -> str:
    return program(secretaries=THREADS, teachers=30, courses=120, parts=parts, years=[YEAR])


COUNT = f"""
import json
from attributions.models import Attribution
held = Attribution.objects.filter(academic_year__label={YEAR!r}).select_related("course", "teacher")
print(json.dumps([[one.course.code, one.component, str(one.teacher), one.created_by.username] for one in held]))
print(Attribution.history.filter(history_type="+").count())
"""


class Secretary(threading.Thread):
    """One browser: attempts one after the other, on one connection."""

    def __init__(
        self, address: str, session: str, attempts: list[tuple[tuple[str, str], str]], start: threading.Event
    ) -> None:
        super().__init__()
        self.address, self.attempts, self.start_together = urlsplit(address), attempts, start
        token = f"{random.getrandbits(128):032x}"
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Cookie": f"sessionid={session}; csrftoken={token}",
            "X-CSRFToken": token,
        }
        self.answers: list[tuple[tuple[str, str], str, int, str]] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=60)
        self.start_together.wait()
        for (course, component), teacher in self.attempts:
            asked = {"course": course, "component": component, "teacher": teacher, "academic_year": YEAR}
            connection.request("POST", "/attribution/", json.dumps(asked), self.headers)
            answer = connection.getresponse()
            self.answers.append(((course, component), teacher, answer.status, answer.read().decode()))
        connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_file'), tmp_path / 'db.sqlite3')}"
    return str(request.getfixturevalue("migrated_url"))


@pytest.mark.parametrize(("asked", "free"), ASKED)
def test_each_part_is_won_once_and_every_other_attempt_hears_by_whom(
    database_url: str, manage: Run, asked: int, free: int
) -> None:
    prepared = manage("shell", "--verbosity", "0", "--command", prepare(free), DATABASE_URL=database_url)
    sessions, parts, teachers = json.loads(prepared.stdout.splitlines()[-1])
    assert (len(sessions), len(parts)) == (THREADS, free)
    chance = random.Random(7)  # noqa: S311 - which teachers are asked for, no secret
    # Each part stands six or seven times in a row: as many people try it at the same moment.
    wanted = [tuple(parts[number * free // asked]) for number in range(asked)]
    attempts = [(part, chance.choice(sorted(teachers))) for part in wanted]
    start = threading.Event()
    with Application(ROOT, {"DATABASE_URL": database_url}, THREE_PROCESSES) as server:
        people = [
            Secretary(server.address, session, attempts[number::THREADS], start)
            for number, session in enumerate(sessions)
        ]
        for person in people:
            person.start()
        start.set()
        for person in people:
            person.join()
    answers = [answer for person in people for answer in person.answers]
    statuses = Counter(status for _part, _teacher, status, _text in answers)
    assert statuses == {201: free, 409: asked - free}, [text for *_, status, text in answers if status >= 500][:3]
    counted = manage("shell", "--verbosity", "0", "--command", COUNT, DATABASE_URL=database_url)
    held, remembered = (json.loads(line) for line in counted.stdout.splitlines()[-2:])
    holders = {(code, component): teacher for code, component, teacher, _user in held}
    assert len(held) == len(holders) == remembered == free
    for part, teacher, status, text in answers:
        if status == 201:
            assert holders[part] == teachers[teacher]
        else:
            assert f"est déjà attribué à {holders[part]}" in json.loads(text)["message"]
