"""Count hours of parts: how many a component of a course has in a year, how many are given, how many are left.

A part is one component of one course. It exists where the course has hours of that component. Its shares may be held
by several teachers.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, Func, Q, Value, When
from django.utils.translation import gettext as _

from attribution_project.figures import hours_text
from courses.hours import HoursField, to_give

from .models import COMPONENTS

#: Less than any hours: SQLite computes with floating-point numbers, so that nothing left may be 0.0000001.
HALF_A_CENT = Decimal("0.005")
#: Component -> the name of its hours left in a query.
LEFT = {component: f"left_{component.lower()}" for component in COMPONENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHours:
    """The hours of one part."""

    to_give: Decimal
    given: Decimal

    @property
    def left(self) -> Decimal:
        """Return the hours that nobody has, negative if more are given than there are."""
        return self.to_give - self.given

    def __str__(self) -> str:
        if self.left < 0:
            return _("%(given)s h of %(all)s h: %(over)s h too many") % self._texts()
        return _("%(left)s h of %(all)s h are left") % self._texts()

    def _texts(self) -> dict[str, str]:
        hours = {"given": self.given, "all": self.to_give, "left": self.left, "over": -self.left}
        return {name: hours_text(value) for name, value in hours.items()}


class HoursGiven(Func):
    """The hours of all shares of a part, computed for each row of a query of courses.

    A Subquery would say the same. Django needs ten times as long to compile one, for every list of free parts.
    """

    template = (
        "COALESCE((SELECT SUM(share.hours) FROM attributions_attribution share "
        "WHERE (share.course_id, share.academic_year, share.component) = (%(expressions)s)), 0)"
    )

    def __init__(self, course: str, year: str, component: Any) -> None:
        super().__init__(F(course), Value(year), component, output_field=HoursField())


class HoursLeft(Func):
    """The hours left of a component, for a query of courses of a year: ``to_give`` less HoursGiven."""

    template = (
        "(%(hours)s * %(groups)s - COALESCE((SELECT SUM(share.hours) FROM attributions_attribution share "
        "WHERE (share.course_id, share.academic_year, share.component) = (%(course)s, %(year)s, %(component)s)), 0))"
    )

    def __init__(self, component: str) -> None:
        end = component.lower()
        names = (f"hours_{end}", f"groups_{end}", "course_id", "academic_year_id")
        super().__init__(*map(F, names), Value(component), output_field=HoursField())

    def as_sql(self, compiler: Any, connection: Any, *_arguments: Any, **_context: Any) -> Any:
        """Return the SQL with each name in its place."""
        names = ("hours", "groups", "course", "year", "component")
        compiled = [compiler.compile(one) for one in self.get_source_expressions()]
        texts = dict(zip(names, (text for text, _values in compiled), strict=True))
        return self.template % texts, [value for _text, values in compiled for value in values]


def left_of_part(year: str) -> Any:
    """Return the hours left in a year of the part of a share, for a query of shares of courses of that year."""
    return to_give_of_part("course__years__") - HoursGiven("course_id", year, F("component"))


def to_give_of_part(prefix: str) -> Any:
    """Return the hours of the part of a share, for a query of shares. ``prefix`` is the way to the course of a year."""
    cases = [When(component=component, then=to_give(component, prefix)) for component in COMPONENTS]
    return Case(*cases, default=Value(Decimal(0)), output_field=HoursField())


def lefts() -> dict[str, Any]:
    """Return the hours left of each component, to annotate a query of courses of a year."""
    return {name: HoursLeft(component) for component, name in LEFT.items()}


def any_left() -> Q:
    """Return the condition that hours of a component are left."""
    found = Q()
    for name in LEFT.values():
        found |= Q(**{f"{name}__gte": HALF_A_CENT})
    return found
