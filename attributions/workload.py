"""A teacher and a year in, the hours attributed against the most that this teacher may teach out."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from .models import Attribution, Teacher


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachingLoad:
    """Hours of one teacher in one year."""

    hours: Decimal
    most: Decimal

    @property
    def left(self) -> Decimal:
        """Hours that still fit; negative where there are too many."""
        return self.most - self.hours

    @property
    def percent(self) -> int:
        """Hours in hundredths of the most, rounded down; 100 and more where there is no room."""
        if not self.most:
            return 100 if self.hours else 0
        return int(100 * self.hours / self.most)

    @property
    def bar(self) -> int:
        """The same as the length of a bar: at most 100."""
        return min(self.percent, 100)

    @property
    def state(self) -> str:
        """ "over", "full" or "free"."""
        return "over" if self.left < 0 else "full" if self.left == 0 else "free"

    def takes(self, hours: Decimal) -> bool:
        """Whether so many more hours stay within the most."""
        return self.hours + hours <= self.most


def load_of(teacher: Teacher, year: str, *, without: int | None = None) -> TeachingLoad:
    """Sum up the hours of a year, those of the attribution ``without`` left out; one query."""
    held = Attribution.objects.filter(teacher=teacher, academic_year=year)
    if without is not None:
        held = held.exclude(pk=without)
    return TeachingLoad(hours=held.aggregate(total=Sum("hours"))["total"] or Decimal(0), most=teacher.max_hours)
