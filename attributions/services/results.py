"""Results of a request: a Result for each part, and an Outcome for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class ResultStatus(StrEnum):
    """The status of one part. The values are part of the API."""

    DONE = "done"
    #: Others have all of its hours already.
    TAKEN = "taken"
    #: More hours than are left of it.
    OVER_HOURS = "over_hours"
    #: It would be more than the teacher's maximum, and nobody confirmed that.
    OVER_MAXIMUM = "over_maximum"
    #: A field is wrong.
    INVALID = "invalid"
    #: The database refused for another reason.
    FAILED = "failed"
    #: The database does not answer, or takes no changes at the moment: nothing was stored.
    UNAVAILABLE = "unavailable"
    #: The database's answer was lost. The part may be stored.
    UNKNOWN = "unknown"


#: The client may try again.
RETRYABLE = (ResultStatus.UNAVAILABLE, ResultStatus.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The database refused a statement for a reason that nothing here foresees."""

    #: What was not done, as a whole sentence.
    sentence: str
    #: In the log, with the traceback.
    reference: str
    #: The database's own line, for staff alone.
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result for one part of one course."""

    course: str
    component: str
    status: ResultStatus
    message: str
    #: The key of the attribution that was made.
    attribution: int | None = None
    incident: Incident | None = None
    #: Whether a confirmation is all that it needs.
    confirmable: bool = False
    #: The hours that were asked for, and the group, as they were typed.
    hours: str = ""
    group: str = ""
    #: The department that named the course together with its code, or "".
    department: str = ""

    @property
    def done(self) -> bool:
        """Return whether it is stored."""
        return self.status is ResultStatus.DONE

    @property
    def may_be_sent_again(self) -> bool:
        """Return whether it may be stored once it is corrected, confirmed, or sent later."""
        return self.confirmable or self.status not in (ResultStatus.DONE, ResultStatus.TAKEN)

    @property
    def key(self) -> str:
        """Return the part's value in a form."""
        return f"{self.course}:{self.component}" + (f":{self.department}" if self.department else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one request."""

    status: HTTPStatus
    message: str
    results: Sequence[Result] = ()
    #: Refused only for a teacher's maximum, which ``confirm`` allows to exceed.
    confirmable: bool = False
    #: Refused because the attribution was changed, or removed, since it was shown.
    conflict: bool = False
    incident: Incident | None = None
    #: What changes that were made together are undone by: see services.together.
    undo: str = ""

    @property
    def success(self) -> bool:
        """Return whether everything asked for is stored."""
        return self.status in (HTTPStatus.CREATED, HTTPStatus.OK)

    @property
    def unavailable(self) -> bool:
        """Return whether the database was away for one of them."""
        return any(result.status in RETRYABLE for result in self.results)

    @property
    def to_confirm(self) -> list[Result]:
        """Return the results that need only a confirmation."""
        return [result for result in self.results if result.confirmable]


def combine(results: Sequence[Result]) -> Outcome:
    """Combine results: 201 all done, 207 some, 503 database away, 400 wrong field or failure, 409 taken or too much."""
    done = sum(result.done for result in results)
    if len(results) == 1:
        message = results[0].message
    else:
        message = ngettext("%(done)d part of %(all)d attributed.", "%(done)d parts of %(all)d attributed.", done)
        message %= {"done": done, "all": len(results)}
    incident = results[0].incident if len(results) == 1 else None
    return Outcome(status=_status(results, done), message=message, results=tuple(results), incident=incident)


def _status(results: Sequence[Result], done: int) -> HTTPStatus:
    if done == len(results):
        return HTTPStatus.CREATED
    if done:
        return HTTPStatus.MULTI_STATUS
    if any(result.status in RETRYABLE for result in results):
        return HTTPStatus.SERVICE_UNAVAILABLE
    wrong = any(result.status in (ResultStatus.INVALID, ResultStatus.FAILED) for result in results)
    return HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.CONFLICT


def refused(message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Outcome:
    """Return an outcome without results."""
    return Outcome(status=status, message=message)


def failed(incident: Incident) -> Outcome:
    """Return 400 for what the database refused."""
    parts = (incident.sentence, incident.detail or _give_reference(incident.reference))
    return Outcome(status=HTTPStatus.BAD_REQUEST, message=" ".join(parts), incident=incident)


def _give_reference(reference: str) -> str:
    return _("Please give the reference %(reference)s to an administrator.") % {"reference": reference}


def conflict(message: str) -> Outcome:
    """Return 409 for what was changed or removed since it was shown."""
    return Outcome(status=HTTPStatus.CONFLICT, message=message, conflict=True)


def too_much(message: str, *, confirmable: bool) -> Outcome:
    """Return 409 for more hours than there are, of a part or of a teacher."""
    return Outcome(status=HTTPStatus.CONFLICT, message=message, confirmable=confirmable)


def nothing_chosen() -> Outcome:
    """Return the refusal of a request without parts."""
    return refused(_("Choose at least one part."))
