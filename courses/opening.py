"""Open, close and reopen academic years, and choose the current one."""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .academic_year import next_year
from .course_years import copy_courses
from .models import AcademicYear

#: What may be done with a year: the fields that are set, and what is said then.
ACTIONS: dict[str, tuple[dict[str, bool], str]] = {
    "close": ({"open": False}, gettext_noop("%(year)s is closed: nothing can be written to it.")),
    "reopen": ({"open": True}, gettext_noop("%(year)s is open: it can be written to.")),
    "make_current": ({"current": True}, gettext_noop("%(year)s is the current year: pages open on it.")),
}


def apply_action(year: AcademicYear, action: str) -> str:
    """Do one of the ACTIONS, and return what is to be said.

    The lock waits for whoever is adding a row of this year: see ``academic_year.require_open``.
    """
    fields, told = ACTIONS[action]
    with transaction.atomic():
        list(AcademicYear.objects.select_for_update().order_by("pk").values_list("pk"))
        if action == "make_current":
            AcademicYear.objects.filter(current=True).update(current=False)
        AcademicYear.objects.filter(pk=year.pk).update(**fields)
    return _(told) % {"year": year.label}


def open_next_year() -> tuple[str, int]:
    """Open the year after the newest one with the active courses of that. Return it and the number of courses."""
    with transaction.atomic():
        newest = AcademicYear.objects.select_for_update().order_by("-label").first()
        if newest is None:
            raise ValueError("There is no year to go on from.")
        label = next_year(newest.label)
        AcademicYear.objects.create(label=label)
        return label, copy_courses(newest.label, label)
