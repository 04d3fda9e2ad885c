"""Parse requests of the API, JSON or form, and build its JSON responses. openapi.json describes both.

POST /attribution/ takes one part, ``{"course", "component", "teacher", "academic_year"}``, or several:
``{"teacher", "academic_year", "parts": [{"course", "component"}]}``. Where a code alone names several courses, each
part has its ``department``, too.
"""

import json
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.http import HttpRequest, JsonResponse, QueryDict
from django.utils.translation import gettext as _

from attribution_project.failures import RETRY_AFTER_SECONDS
from attribution_project.versions import version_of

from .forms import AttributionForm
from .free_parts import COURSES_ON_A_PAGE, Part, parse_key
from .models import Attribution
from .services.results import Outcome, Result, refused

#: The OpenAPI schema, which the tests check the views against.
SCHEMA = Path(__file__).with_name("openapi.json")
#: Fields that all parts of one request share.
SHARED = ("teacher", "academic_year", "load", "role", "starts_on", "ends_on", "note", "teacher_note")
#: A request with more parts is refused.
MAX_PARTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRequest:
    """The attributions that one request asks for."""

    forms: list[AttributionForm]
    #: Whether a teacher's maximum may be exceeded.
    confirmed: bool


def parse_request(request: HttpRequest) -> AssignRequest:
    """Parse a body of JSON or of a form. Raise ValueError if it is neither."""
    if request.content_type == "application/json":
        try:
            return _parse_json(json.loads(request.body))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
    given = request.POST
    parts = given.getlist("parts")
    confirmed = given.get("confirm") == "yes"
    if "course" in given:
        return AssignRequest(forms=[AttributionForm(given)], confirmed=confirmed)
    shared = {name: given.get(name, "") for name in SHARED}
    return AssignRequest(
        forms=[AttributionForm(shared | _part_of_form(given, key)) for key in _limited(parts)], confirmed=confirmed
    )


def _part_of_form(given: QueryDict, key: str) -> dict[str, str]:
    """Return the fields of one part of a page's form, where hours and group have the part's key in their names."""
    course, component, department = parse_key(key)
    own = {name: given.get(f"{name}:{key}", "") for name in ("hours", "group")}
    return {"course": course, "component": component, "department": department} | own


def _parse_json(body: Any) -> AssignRequest:
    fields = _text_fields(body, ignoring=("parts", "confirm"))
    confirmed = body.get("confirm") is True
    if "parts" not in body:
        return AssignRequest(forms=[AttributionForm(fields)], confirmed=confirmed)
    if not isinstance(body["parts"], list):
        raise ValueError("parts is no list")  # noqa: TRY004 - one exception for every kind of unusable body
    shared = {name: fields.get(name, "") for name in SHARED}
    return AssignRequest(
        forms=[AttributionForm(shared | _text_fields(part)) for part in _limited(body["parts"])], confirmed=confirmed
    )


def _limited(parts: list[Any]) -> list[Any]:
    if len(parts) > MAX_PARTS:
        raise ValueError("too many parts")
    return parts


def _text_fields(body: Any, *, ignoring: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the fields of a JSON object as text. Raise ValueError for text that a database cannot store."""
    if not isinstance(body, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as above
    fields = {key: "" if value is None else str(value) for key, value in body.items() if key not in ignoring}
    "".join([*fields, *fields.values()]).encode()  # "\ud800" is valid JSON, and no text that a database could store
    return fields


def unreadable_body(error: ValueError) -> Outcome:
    """Return the refusal of a body that is neither a form nor JSON."""
    return refused(_("The body is not a JSON object in UTF-8."))


def outcome_response(outcome: Outcome) -> JsonResponse:
    """Return the outcome as JSON: success, message, and a result for each part."""
    body = {
        "success": outcome.success,
        "message": outcome.message,
        "results": [_result_as_json(result) for result in outcome.results],
    }
    response = JsonResponse(body, status=outcome.status)
    if outcome.unavailable:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _result_as_json(result: Result) -> dict[str, Any]:
    fields = asdict(result)
    for name in ("incident", "confirmable", "hours", "group"):  # of the page alone
        del fields[name]
    if not result.department:
        del fields["department"]
    return fields


def attribution_response(attribution: Attribution) -> JsonResponse:
    """Return an attribution as JSON, with the version that a change of it has to bring along."""
    body = {
        "course": attribution.course.code,
        "department": attribution.course.department,
        "component": attribution.component,
        "academic_year": attribution.academic_year_id,
        "teacher": attribution.teacher.matricule,
        "hours": str(attribution.hours),
        "load": attribution.load,
        "role": attribution.role,
        "group": attribution.group,
        "starts_on": attribution.starts_on,
        "ends_on": attribution.ends_on,
        "note": attribution.note,
        "teacher_note": attribution.teacher_note,
        "version": version_of(attribution),
    }
    return JsonResponse(body, status=HTTPStatus.OK)


def free_parts_response(year: str, courses: list[list[Part]], number: int) -> JsonResponse:
    """Return a page of free parts as JSON. A course more than a page says that there is a next one: nothing is counted.

    ``courses`` are the free parts of each.
    """
    parts = [_part_as_json(part) for course in courses[:COURSES_ON_A_PAGE] for part in course]
    following = number + 1 if len(courses) > COURSES_ON_A_PAGE else None
    body = {"academic_year": year, "page": number, "next": following, "parts": parts}
    return JsonResponse(body, status=HTTPStatus.OK)


def _part_as_json(part: Part) -> dict[str, Any]:
    return {
        "course": part.code,
        "title": part.title,
        "component": part.component,
        "hours": str(part.hours.to_give),
        "left": str(part.hours.left),
        "groups": part.groups,
        "department": part.department,
        "level": part.level,
        "semester": part.semester,
    }
