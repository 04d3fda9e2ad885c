"""Gunicorn while its database is stopped, cut off, read-only or busy: 503 in words that are not the driver's."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conftest import captured
from tests.debian import folder_for_all
from tests.deploy.conftest import Container, Database
from tests.faults.proxy import Proxy

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}
TOKEN = "t" * 32
Answer = tuple[int, http.client.HTTPMessage, str]
WANTED = {"course": "AGV211", "teacher": "M00001", "academic_year": "2026-2027", "component": "CM"}
FORM = (("teacher", "M00001"), ("academic_year", "2026-2027"))
#: A user who may do everything, one course with two parts, one teacher; and the session of that user.
PREPARE = """
from django.contrib.auth import get_user_model
from django.test import Client
from attributions.models import Teacher
from courses.course_years import add_courses
from courses.models import Course
Course.objects.create(code="AGV211", title="Agrostologie", credits=4, hours_cm=20, hours_td=10, level_id="L2",
                      semester=1, department="Production")
add_courses("2026-2027")
Teacher.objects.create(matricule="M00001", last_name="Guérin", first_name="Thérèse", grade_id="PR", department="Sols",
                       max_hours=192)
client = Client()
client.force_login(get_user_model().objects.create_superuser("a"))
print("cookie", client.cookies["sessionid"].value)
"""
#: What only the driver and the server would say.
DRIVER = ("psycopg", "connection", "Connection", "server", "127.0.0.1", "postgres", "terminat", "SSL", "read-only")


class Visitor:
    """Somebody who is logged in, with a connection for each request."""

    def __init__(self, container: Container, cookie: str) -> None:
        self.container, self.cookie = container, cookie

    def ask(self, path: str, headers: dict[str, str], *, method: str = "GET", body: str | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.container.port, timeout=60)
        sent = {"Host": "localhost", "Cookie": f"sessionid={self.cookie}; csrftoken={TOKEN}"} | headers
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def post(self, body: dict[str, Any]) -> Answer:
        """Attribute as a program does."""
        more = {"Content-Type": "application/json", "X-CSRFToken": TOKEN}
        return self.ask("/attribution/", PROGRAM | more, method="POST", body=json.dumps(body))

    def send(self, path: str, *fields: tuple[str, str], **headers: str) -> Answer:
        """Send a form as a browser does."""
        more = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": TOKEN} | headers
        return self.ask(path, PAGE | more, method="POST", body=urlencode(fields))


@pytest.fixture(scope="module")
def own_server(programs: Path) -> Iterator[Database]:
    """A server of these tests' own, which may be stopped."""
    with folder_for_all("away-") as folder:
        running = Database(folder, programs)
        yield running
        running.stop()


@pytest.fixture(scope="module")
def prepared(own_server: Database, container: Callable[..., Container]) -> tuple[str, str]:
    """A database that is only copied, and the cookie of the user in it."""
    url = own_server.migrated(container)
    command = ("python", "manage.py", "shell", "--verbosity", "0", "--command", PREPARE)
    with container(url, *command, PGPASSFILE=str(own_server.secrets / "pgpass")) as one:
        assert one.process.wait(60) == 0, one.log
        return url, captured(r"cookie (\S+)", one.log)


@pytest.fixture
def url(own_server: Database, prepared: tuple[str, str]) -> str:
    return own_server.copy(prepared[0])


@pytest.fixture
def wire(own_server: Database, url: str) -> Iterator[Proxy]:
    proxy = Proxy(own_server.socket_url(url))
    yield proxy
    proxy.stop()


@pytest.fixture
def serve(
    container: Callable[..., Container], own_server: Database, prepared: tuple[str, str]
) -> Iterator[Callable[..., Visitor]]:
    """serve(url) -> a visitor of a container on this database."""
    with ExitStack() as running:

        def start(url: str, **more: str) -> Visitor:
            one = container(url, PGPASSFILE=str(own_server.secrets / "pgpass"), **more)
            running.enter_context(one).wait_until_healthy()
            return Visitor(one, prepared[1])

        yield start


def check_unavailable(answer: Answer, kind: str) -> str:
    status, headers, text = answer
    assert status == 503, text
    assert headers["Retry-After"] == "30"
    assert headers["Content-Type"].startswith(kind)
    assert [words for words in DRIVER if words in text] == []
    return text


def check_everything_without_a_database(visitor: Visitor) -> None:
    for path in ("/", "/attribution/liste/", "/enseignants/", "/base-de-donnees/", "/admin/", "/cours/export.csv"):
        text = check_unavailable(visitor.ask(path, PAGE), "text/html")
        assert "L’application n’est pas disponible" in text
        assert "/static/style." in text
        assert json.loads(check_unavailable(visitor.ask(path, PROGRAM), "application/json"))["success"] is False
    told = json.loads(check_unavailable(visitor.post(WANTED), "application/json"))
    assert "vérifiez si c’est fait" in told["message"]
    check_unavailable(visitor.send("/login/", ("username", "a"), ("password", "b")), "text/html")
    # What asks nothing of the database is answered as ever.
    assert visitor.ask("/inconnue/", PAGE)[0] == 404
    assert visitor.ask("/login/", PAGE | {"Host": "elsewhere"})[0] == 400
    assert visitor.send("/login/", ("username", "a"), **{"X-CSRFToken": "x"})[0] == 403


def test_every_page_says_503_while_the_database_is_stopped_and_is_there_when_it_is(
    own_server: Database, url: str, serve: Callable[..., Visitor]
) -> None:
    visitor = serve(url)
    assert visitor.ask("/attribution/liste/", PAGE)[0] == 200
    own_server.stop()
    try:
        check_everything_without_a_database(visitor)
    finally:
        own_server.start()
    assert visitor.ask("/attribution/liste/", PAGE)[0] == 200


def test_an_attribution_whose_answer_was_lost_may_have_been_made_and_says_so(
    wire: Proxy, own_server: Database, url: str, serve: Callable[..., Visitor]
) -> None:
    visitor = serve(wire.url.replace("postgres@", "attribution@"))
    program = partial(visitor.post, WANTED)
    browser = partial(visitor.send, "/attribution/", *FORM, ("parts", "AGV211:TD"))
    for component, ask, kind in (("CM", program, "application/json"), ("TD", browser, "text/html")):
        wire.cut_after(b"COMMIT")
        assert f"AGV211 {component} a peut-être été attribué" in told_by(check_unavailable(ask(), kind))
        wire.wait_for_cut()
        wire.mend()
        query = f"SELECT count(*) FROM attributions_attribution WHERE component = '{component}'"
        assert own_server.execute(url, query) == [(1,)]


def told_by(text: str) -> str:
    """The words of an answer, whichever its form is."""
    return json.loads(text)["message"] if text.startswith("{") else text


def test_of_several_parts_each_is_named_with_what_became_of_it(
    own_server: Database, url: str, serve: Callable[..., Visitor]
) -> None:
    visitor = serve(url)
    with own_server.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON attributions_attribution DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW WHEN (NEW.component = 'TD') EXECUTE FUNCTION die()"
        )
    parts = [{"course": "AGV211", "component": component} for component in ("CM", "TD", "TP")]
    several = {"teacher": "M00001", "academic_year": "2026-2027", "parts": parts}
    status, headers, text = visitor.post(several)
    assert (status, headers["Retry-After"]) == (207, "30")
    assert [part["status"] for part in json.loads(text)["results"]] == ["done", "unknown", "unavailable"]
    assert [words for words in DRIVER if words in text] == []
    form = [*FORM, ("parts", "AGV211:TD"), ("parts", "AGV211:TP")]
    text = check_unavailable(visitor.send("/attribution/", *form), "text/html")
    assert "AGV211 TD a peut-être été attribué" in text
    assert "AGV211 TP n’est pas attribué" in text


@pytest.mark.full
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_commit_that_was_refused_was_not_made(
    own_server: Database, url: str, serve: Callable[..., Visitor], code: str
) -> None:
    visitor = serve(url)
    with own_server.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'server' USING ERRCODE = '{code}'; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON attributions_attribution DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    text = check_unavailable(visitor.post(WANTED), "application/json")
    assert json.loads(text)["results"][0]["status"] == "unavailable"


def test_a_database_that_takes_no_changes_is_still_read(
    own_server: Database, url: str, serve: Callable[..., Visitor]
) -> None:
    visitor = serve(url)
    with own_server.connect(url) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                           " AND pid <> pg_backend_pid()", [name])  # fmt: skip
    assert visitor.ask("/attribution/liste/", PAGE)[0] == 200
    check_unavailable(visitor.post(WANTED), "application/json")
    check_unavailable(visitor.send("/logout/"), "text/html")


def test_whoever_waits_for_a_connection_of_the_pool_too_long_is_told(
    own_server: Database, url: str, serve: Callable[..., Visitor]
) -> None:
    visitor = serve(url, DATABASE_POOL="1")
    with own_server.connect(url) as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE django_session")
        waiting = http.client.HTTPConnection("127.0.0.1", visitor.container.port, timeout=60)
        waiting.request("GET", "/cours/", headers={"Host": "localhost", "Cookie": f"sessionid={visitor.cookie}"})
        # By another connection: within a transaction that view does not change.
        while own_server.execute(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == [(0,)]:
            pass
        check_unavailable(visitor.ask("/cours/", PAGE), "text/html")
        connection.execute("ROLLBACK")
    assert waiting.getresponse().status == 200
    waiting.close()


@pytest.mark.full
def test_an_export_that_breaks_off_does_not_look_like_a_whole_one(
    own_server: Database, url: str, serve: Callable[..., Visitor]
) -> None:
    visitor = serve(url)
    with own_server.connect(url) as connection:
        connection.execute(
            "INSERT INTO courses_course"
            " (code, title, credits, hours_cm, hours_td, hours_tp, level, semester, department)"
            " SELECT 'X' || n, repeat('long ', 40), 3, 10, 0, 0, 'L1', 1, 'Sols' FROM generate_series(1, 60000) n"
        )
        connection.execute(
            "INSERT INTO courses_courseyear (title, credits, hours_cm, hours_td, hours_tp, level, semester, groups_cm,"
            " groups_td, groups_tp, course_id, academic_year) SELECT c.title, c.credits, c.hours_cm, c.hours_td,"
            " c.hours_tp, c.level, c.semester, 1, 1, 1, c.id, y.label"
            " FROM courses_course AS c, courses_academicyear AS y WHERE c.code LIKE 'X%' AND y.current"
        )
        asked = http.client.HTTPConnection("127.0.0.1", visitor.container.port, timeout=60)
        asked.request(
            "GET", "/cours/export.csv", headers={"Host": "localhost", "Cookie": f"sessionid={visitor.cookie}"}
        )
        answer = asked.getresponse()
        assert answer.status == 200
        assert answer.read(1000).decode("utf-8-sig").startswith("code;")
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(f"{query} AND pid <> pg_backend_pid()")
        with pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
    assert broken.value.partial.decode().endswith(
        "INCOMPLET\xa0: la base de données n’a plus répondu. Merci de refaire l’export.\r\n"
    )
    asked.close()


@pytest.mark.full
def test_an_import_that_loses_its_connection_is_no_fault_of_the_file(
    own_server: Database, url: str, serve: Callable[..., Visitor]
) -> None:
    visitor = serve(url)
    with own_server.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
        )
        connection.execute("CREATE TRIGGER die BEFORE INSERT ON courses_course FOR EACH ROW EXECUTE FUNCTION die()")
    rows = "code,intitule,credits,heures_cm,heures_td,heures_tp,niveau,semestre,departement\n"
    rows += "SOL411,Sols,3,20,0,0,M1,2,Sols\nSOL412,Sols,3,20,0,0,M1,2,Sols\n"
    part = 'Content-Disposition: form-data; name="file"; filename="c.csv"\r\nContent-Type: text/csv'
    body = f"--x\r\n{part}\r\n\r\n{rows}\r\n--x--\r\n"
    headers = PAGE | {"Content-Type": "multipart/form-data; boundary=x", "X-CSRFToken": TOKEN}
    _status, _headers, preview = visitor.ask("/cours/import/", headers, method="POST", body=body)
    # The preview writes nothing.
    token = captured(r'name="token" value="([^"]+)"', preview)
    check_unavailable(visitor.send("/cours/import/", ("token", token)), "text/html")
