"""Count hours as the statutes do, in hours equivalent to TD (HETD): what is owed, attributed, left, and beyond.

Hours of one component and one kind of load are counted together and rounded once. Every page, letter and export adds up
these rounded figures, so that they agree with each other.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from typing import Any

from django.db.models import FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from courses.hours import HoursField
from office.models import OfficeSettings

from .models import COMPONENTS, LOADS, Attribution, Discharge, Load, Teacher
from .workload import sum_of_hours

_CENT = Decimal("0.01")
_ZERO = Decimal(0)
#: Component and kind of load -> hours as they are taught.
Taught = Mapping[tuple[str, str], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Hours as they are taught, and as they count."""

    hours: Decimal = _ZERO
    hetd: Decimal = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The statutory hours (HETD) of one teacher in one year."""

    #: What the grade owes.
    owed: Decimal
    discharged: Decimal
    #: Component -> its hours, of all kinds of load.
    components: dict[str, Counted] = field(default_factory=dict)
    #: HETD that are attributed as overtime.
    overtime: Decimal = _ZERO

    @property
    def due(self) -> Decimal:
        """Return what is owed after the discharges."""
        return max(self.owed - self.discharged, _ZERO)

    @property
    def total(self) -> Counted:
        """Return all hours."""
        found = self.components.values()
        return Counted(hours=sum((one.hours for one in found), _ZERO), hetd=sum((one.hetd for one in found), _ZERO))

    @property
    def attributed(self) -> Decimal:
        """Return what counts towards the hours due: at most these."""
        return min(self.total.hetd - self.overtime, self.due)

    @property
    def left(self) -> Decimal:
        """Return what is still due."""
        return self.due - self.attributed

    @property
    def complementary(self) -> Decimal:
        """Return what is paid on top: overtime, and statutory hours beyond those due."""
        return self.total.hetd - self.attributed

    @property
    def percent(self) -> int:
        """Return the percentage attributed, rounded down: 100 means that nothing is left."""
        return int(100 * self.attributed / self.due) if self.due else 100


def count(taught: Taught, *, owed: Decimal, discharged: Decimal, settings: OfficeSettings) -> Service:
    """Return the service of hours as they are taught."""
    components: dict[str, Counted] = {}
    overtime = _ZERO
    for component in COMPONENTS:
        hours = {load: taught.get((component, load), _ZERO) for load in LOADS}
        hetd = {load: count_hours(hours[load], component, settings) for load in hours}
        overtime += hetd[Load.OVERTIME]
        if any(hours.values()):
            components[component] = Counted(hours=sum(hours.values(), _ZERO), hetd=sum(hetd.values(), _ZERO))
    return Service(owed=owed, discharged=discharged, components=components, overtime=overtime)


def count_hours(hours: Decimal, component: str, settings: OfficeSettings) -> Decimal:
    """Return hours of a component as HETD, rounded to hundredths."""
    weight = settings.weight_of(component)
    return (hours * weight.numerator / weight.denominator).quantize(_CENT, ROUND_HALF_UP)


def taught_hours(rows: Iterable[Any]) -> Taught:
    """Return the sums of attributions of one teacher in one year."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row.component, row.load] += row.hours
    return found


def discharged_hours(year: str) -> Coalesce:
    """Return the discharges of a year as an expression of a query of teachers."""
    found = Discharge.objects.filter(teacher=OuterRef("pk"), academic_year__label=year).order_by()
    hours = found.values("teacher").annotate(total=sum_of_hours("hours")).values("total")
    return Coalesce(Subquery(hours, output_field=HoursField()), Value(_ZERO), output_field=HoursField())


def service_of(teacher: Teacher, year: str, rows: Iterable[Attribution]) -> Service:
    """Return the service of one teacher, whose attributions of the year are ``rows``."""
    discharges = teacher.discharges.filter(academic_year__label=year)
    return count(
        taught_hours(rows),
        owed=teacher.grade.service_hours,
        discharged=discharges.aggregate(total=sum_of_hours("hours"))["total"],
        settings=OfficeSettings.load(),
    )


def with_taught_hours(teachers: QuerySet[Teacher], year: str) -> QuerySet[Any]:
    """Add the hours of a year to a query of teachers: ``hours``, and what ``services`` counts."""
    held = FilteredRelation("attributions", condition=Q(attributions__academic_year=year))
    sums = {
        _column(component, load): sum_of_hours("held__hours", Q(held__component=component, held__load=load))
        for component, load in product(COMPONENTS, LOADS)
    }
    found = teachers.select_related("grade").annotate(held=held)
    return found.annotate(hours=sum_of_hours("held__hours"), discharged=discharged_hours(year), **sums)


def _column(component: str, load: str) -> str:
    return f"{component}_{load}".lower()


def services(teachers: Iterable[Any], settings: OfficeSettings) -> list[tuple[Any, Service]]:
    """Return the service of each teacher of a query that has their hours."""
    kinds = list(product(COMPONENTS, LOADS))
    return [
        (
            teacher,
            count(
                {kind: getattr(teacher, _column(*kind)) for kind in kinds},
                owed=teacher.grade.service_hours,
                discharged=teacher.discharged,
                settings=settings,
            ),
        )
        for teacher in teachers
    ]
