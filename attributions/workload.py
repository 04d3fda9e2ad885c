"""Compare a teacher's attributed hours of a year with the maximum."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Aggregate, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from courses.hours import HoursField

from .models import Attribution, Teacher


def sum_of_hours(field: Any, only: Q | None = None) -> Coalesce:
    """Return the sum of a field of hours, of the rows ``only``, 0 without rows. Every sum of hours is made here."""
    total: Aggregate = Sum(field, filter=only, output_field=HoursField())
    return Coalesce(total, Value(Decimal(0)), output_field=HoursField())


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachingLoad:
    """Hours of one teacher in one year."""

    hours: Decimal
    maximum: Decimal

    @property
    def remaining(self) -> Decimal:
        """Return the remaining hours, negative if there are too many."""
        return self.maximum - self.hours

    @property
    def excess(self) -> Decimal:
        """Return the hours above the maximum."""
        return -self.remaining

    @property
    def percent(self) -> int:
        """Return the percentage of the maximum, rounded down, 100 or more if nothing remains."""
        if not self.maximum:
            return 100 if self.hours else 0
        return int(100 * self.hours / self.maximum)

    @property
    def bar(self) -> int:
        """Return the percentage for a bar: at most 100."""
        return min(self.percent, 100)

    @property
    def state(self) -> str:
        """Return "over", "full" or "free"."""
        return "over" if self.remaining < 0 else "full" if self.remaining == 0 else "free"

    def fits(self, hours: Decimal) -> bool:
        """Return whether so many more hours stay within the maximum."""
        return self.hours + hours <= self.maximum


def teaching_load(teacher: Teacher, year: str, *, excluding: int | None = None) -> TeachingLoad:
    """Return the load of a year without the attribution ``excluding``, in one query."""
    held = Attribution.objects.filter(teacher=teacher, academic_year__label=year)
    if excluding is not None:
        held = held.exclude(pk=excluding)
    return TeachingLoad(hours=held.aggregate(total=sum_of_hours("hours"))["total"], maximum=teacher.max_hours)


def hours_of_teacher(year: str) -> Coalesce:
    """Return the hours of a year as an expression of a query of teachers."""
    held = Attribution.objects.filter(teacher=OuterRef("pk"), academic_year__label=year).order_by()
    hours = held.values("teacher").annotate(total=sum_of_hours("hours")).values("total")
    return Coalesce(Subquery(hours, output_field=HoursField()), Value(Decimal(0)), output_field=HoursField())
