"""The keys that a file of shares names its rows by: year, course, component, teacher, group and dates."""

from collections import defaultdict
from dataclasses import replace
from typing import Any, NamedTuple

from django.core.exceptions import MultipleObjectsReturned
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from import_export import widgets

from attribution_project.spreadsheets.reading import Sheet
from attribution_project.spreadsheets.resources import normal_heading
from courses.codes import CodeError, choose, join_code, split_code, unique_in_institution
from courses.models import Course

_SEPARATOR = " · "


class ShareKey(NamedTuple):
    """The parts of a key, each as it is written in a file."""

    year: str
    code: str
    component: str
    matricule: str
    group: str
    starts_on: str
    ends_on: str

    def __str__(self) -> str:
        return _SEPARATOR.join(self)


def split_key(key: str) -> ShareKey:
    """Return the parts of a key. The department of a course may hold the separator."""
    year, rest = key.split(_SEPARATOR, 1)
    return ShareKey(year, *rest.rsplit(_SEPARATOR, 5))


class KnownCourse(NamedTuple):
    """A course as a file may name it."""

    pk: int
    code: str
    department: str


class CourseWidget(widgets.CharWidget):  # type: ignore[misc]  # it has no types
    """A course, written as its code. Where that is the code of several, it is read with a department in brackets."""

    @cached_property
    def _by_key(self) -> dict[int, KnownCourse]:
        rows = Course.objects.order_by("pk").values_list("pk", "code", "department")
        return {row[0]: KnownCourse(*row) for row in rows}

    @cached_property
    def _by_code(self) -> dict[str, list[KnownCourse]]:
        found = defaultdict(list)
        for course in self._by_key.values():
            found[course.code].append(course)
        return dict(found)

    @cached_property
    def by_department(self) -> bool:
        """Return whether codes are unique within a department alone."""
        return not unique_in_institution()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """Return the code."""
        return self._by_key[value].code if value in self._by_key else value

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:
        """Return the course's key. Raise ValueError for a code that no course has, or several."""
        text = str(value or "").strip()
        if not text:
            return None
        code, department = split_code(text)
        try:
            found = choose(self._by_code.get(code, []), code, department)
        except (CodeError, MultipleObjectsReturned) as error:
            raise ValueError(str(error)) from None
        if found is None:
            raise ValueError(_("no course has the code %(value)s.") % {"value": text})
        return found.pk

    def names(self, pk: int) -> tuple[str, str]:
        """Return the code of a course, and the code with its department."""
        course = self._by_key.get(pk)
        # A course that was added since the courses were read is none of the file's.
        return (course.code, join_code(course.code, course.department)) if course else ("", "")

    def name(self, pk: int) -> str:
        """Return the code, with the department where the code alone is too little."""
        code, full_code = self.names(pk)
        return full_code if self.by_department else code

    def with_departments(self, sheet: Sheet, code: str, department: str) -> Sheet:
        """Return the sheet with the department beside each code that does not name a course by itself.

        ``code`` and ``department`` are the headings of these columns.
        """
        places = {normal_heading(heading): place for place, heading in enumerate(sheet.headings)}
        if code not in places or department not in places:
            return sheet
        rows = [(number, self._joined(cells, places[code], cells[places[department]])) for number, cells in sheet.rows]
        return replace(sheet, rows=rows)

    def _joined(self, cells: list[str], place: int, department: str) -> list[str]:
        code, named = split_code(cells[place])
        if named or not (self.by_department or len(self._by_code.get(code, ())) > 1):
            return cells
        return [*cells[:place], join_code(code, department), *cells[place + 1 :]]
