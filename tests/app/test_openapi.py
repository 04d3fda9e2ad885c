"""The API held to its own schema by schemathesis, which invents requests. Runs on SQLite and on PostgreSQL."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import BaseSchema, Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from attributions.api import SCHEMA
from attributions.models import Teacher
from courses.models import Course
from tests.app.conftest import browser_of, change_course

pytestmark = pytest.mark.django_db
EXAMPLES = 60
#: No schema can say which codes exist: one that does not is rightly answered 400. A number is taken for its digits.
#: And the session that the test sends along is taken for one that schemathesis made up.
NOT_ASKED = [positive_data_acceptance, negative_data_rejection, ignored_auth]


@pytest.fixture
def logged_in(account: Callable[..., User], agv211: Course, teacher: Teacher) -> dict[str, dict[str, str]]:
    """What a secretary's browser sends along: the session, and the token that Django asks for."""
    change_course(agv211, hours_td=20, hours_tp=10)
    browser = browser_of(account("secretariat"))
    browser.get("/attribution/")
    cookies = {name: browser.cookies[name].value for name in (django_settings.SESSION_COOKIE_NAME, "csrftoken")}
    return {"headers": {"X-CSRFToken": cookies["csrftoken"], "Host": "localhost"}, "cookies": cookies}


@pytest.fixture
def schema(logged_in: dict[str, dict[str, str]]) -> Iterator[BaseSchema]:
    """Of the application in this process, whose requests must not close the test's connection for its age.

    Logging in comes before: Django's test client connects these signals again after each of its own requests.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    loaded = schemathesis.openapi.from_dict(json.loads(SCHEMA.read_text(encoding="utf-8")))
    loaded.app = get_wsgi_application()
    yield loaded
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.full
def test_whatever_is_asked_is_answered_as_the_schema_says_and_never_with_500(
    schema: BaseSchema, logged_in: dict[str, dict[str, str]]
) -> None:
    statuses = defaultdict(set)

    def ask(case: Case[Any]) -> None:
        response = case.call(headers=logged_in["headers"], cookies=logged_in["cookies"])
        statuses[case.operation.label].add(response.status_code)
        case.validate_response(response, excluded_checks=NOT_ASKED)

    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for strategy in operation.get_strategies_from_examples():
            run(strategy, ask, 3)
        for mode in GenerationMode:
            run(operation.as_strategy(generation_mode=mode), ask, EXAMPLES)
    assert set(statuses) == {"POST /attribution/", "GET /attribution/parts/"}
    for label, seen in statuses.items():
        assert any(200 <= status < 300 for status in seen), (label, seen)
        assert not any(status >= 500 for status in seen), (label, seen)
    assert statuses["POST /attribution/"] >= {201, 400, 409}


def run(strategy: SearchStrategy[Case[Any]], ask: Callable[[Case[Any]], None], examples: int) -> None:
    settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))(
        given(strategy)(lambda case: ask(case))
    )()


def test_the_schema_that_is_served_is_the_one_of_the_tests(account: Callable[..., User]) -> None:
    answer = browser_of(account("lecteur")).get("/attribution/openapi.json")
    assert answer.json() == json.loads(SCHEMA.read_text(encoding="utf-8"))


def test_without_a_login_or_a_token_a_program_is_told_in_json(
    account: Callable[..., User], agv211: Course, teacher: Teacher, attribution_request: dict[str, str]
) -> None:
    from django.test import Client

    for client, status in ((Client(), 401), (Client(enforce_csrf_checks=True), 403)):
        if status == 403:
            client.force_login(account("secretariat"))
        answer = client.post("/attribution/", attribution_request, content_type="application/json")
        assert (answer.status_code, answer.json()["results"]) == (status, [])
