"""A teacher and a year in, the hours attributed against the most that this teacher may teach out."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from .models import Attribution, Teacher


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachingLoad:
    """Hours of one teacher in one year."""

    hours: Decimal
    maximum: Decimal

    @property
    def remaining(self) -> Decimal:
        """Hours that still fit; negative where there are too many."""
        return self.maximum - self.hours

    @property
    def percent(self) -> int:
        """Hours in hundredths of the most, rounded down; 100 and more where there is no room."""
        if not self.maximum:
            return 100 if self.hours else 0
        return int(100 * self.hours / self.maximum)

    @property
    def bar(self) -> int:
        """The same as the length of a bar: at most 100."""
        return min(self.percent, 100)

    @property
    def state(self) -> str:
        """ "over", "full" or "free"."""
        return "over" if self.remaining < 0 else "full" if self.remaining == 0 else "free"

    def fits(self, hours: Decimal) -> bool:
        """Whether so many more hours stay within the most."""
        return self.hours + hours <= self.maximum


def teaching_load(teacher: Teacher, year: str, *, excluding: int | None = None) -> TeachingLoad:
    """Sum up the hours of a year, those of the attribution ``excluding`` left out; one query."""
    held = Attribution.objects.filter(teacher=teacher, academic_year=year)
    if excluding is not None:
        held = held.exclude(pk=excluding)
    return TeachingLoad(hours=held.aggregate(total=Sum("hours"))["total"] or Decimal(0), maximum=teacher.max_hours)
