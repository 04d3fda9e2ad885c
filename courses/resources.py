"""Courses of a year as CSV and XLSX, for import and export."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from copy import copy
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from import_export import fields

from attribution_project.spreadsheets.reading import UnusableFileError
from attribution_project.spreadsheets.resources import ChoiceWidget, DecimalWidget, IntegerWidget, KeyedResource, column

from .academic_year import ClosedYearError, require_open
from .codes import CodeError, choose, join_code, split_code, unique_in_institution
from .course_years import delete_course_years, insert_course_years, update_course_years
from .departments import all_departments
from .models import CONTENT, Course, CourseYear, FileImport, Semester, level_choices

#: What a course has in every year.
_IDENTITY = ("code", "department")


class CourseResource(KeyedResource):
    """One row for each course of a year. A known code changes that course in that year, another one adds it.

    Where codes are unique within a department, code and department together are known, and the code alone where the
    file has no departments.
    """

    identity = ("title", "department")
    code = column("code", "code")
    title = column("title", "intitule")
    credits = column("credits", "credits", IntegerWidget())
    hours_cm = column("hours_cm", "heures_cm", DecimalWidget())
    hours_td = column("hours_td", "heures_td", DecimalWidget())
    hours_tp = column("hours_tp", "heures_tp", DecimalWidget())
    level = column("level_id", "niveau", ChoiceWidget(level_choices, as_code=True))
    semester = column("semester", "semestre", ChoiceWidget(Semester, as_code=True))
    department = column("department", "departement")
    groups_cm = column("groups_cm", "groupes_cm", IntegerWidget())
    groups_td = column("groups_td", "groupes_td", IntegerWidget())
    groups_tp = column("groups_tp", "groupes_tp", IntegerWidget())

    left_cm = column("left_cm", "reste_cm", DecimalWidget())
    left_td = column("left_td", "reste_td", DecimalWidget())
    left_tp = column("left_tp", "reste_tp", DecimalWidget())
    only_told = ("left_cm", "left_td", "left_tp")

    class Meta(KeyedResource.Meta):
        model = CourseYear
        import_id_fields = ["code"]
        fields = [
            "code", "title", "credits", "hours_cm", "hours_td", "hours_tp", "level", "semester", "department",
            "groups_cm", "groups_td", "groups_tp", "left_cm", "left_td", "left_tp",
        ]  # fmt: skip

    def __init__(self, year: str) -> None:
        super().__init__()
        self.year = year
        #: Key -> a course that there is, but not in this year.
        self._elsewhere: dict[str, Course] = {}
        #: Key -> why it names no single course.
        self._unclear: dict[str, str] = {}

    @cached_property
    def _by_department(self) -> bool:
        return not unique_in_institution()

    @property
    def table(self) -> str:
        """Return the table as the history of imports names it."""
        return FileImport.Table.COURSES

    def known_names(self) -> dict[str, list[str]]:
        """Return the departments that there are."""
        return {"department": all_departments()}

    def model_field(self, attribute: str) -> Any:
        """Return the field of the course or of the course of a year."""
        return (Course if attribute in _IDENTITY else CourseYear)._meta.get_field(attribute)

    def require_writable(self) -> None:
        """Refuse a year that is closed, and keep the settings as they are."""
        # Before the courses are locked: whoever changes the settings waits for these.
        unique_in_institution(lock=True)
        try:
            require_open(self.year, lock=True)
        except ClosedYearError as error:
            raise UnusableFileError(str(error)) from error

    def keys_of(self, columns: list[fields.Field], rows: Iterable[list[str]]) -> list[str]:
        """Return the code of each row, with its department where that tells courses from each other."""
        place = columns.index(self.key_column())
        department = self.fields["department"]
        if not self._by_department or department not in columns:
            return [cells[place] for cells in rows]
        other = columns.index(department)
        return [join_code(cells[place], cells[other]) for cells in rows]

    def find(self, keys: Iterable[str], *, lock: bool = False) -> dict[str, Any]:
        """Return the courses of the year by key."""
        wanted = {key: split_code(key) for key in keys if "\x00" not in key}
        courses = Course.objects.filter(code__in={code for code, _department in wanted.values()}).order_by()
        by_code: dict[str, list[Course]] = defaultdict(list)
        for one in courses.select_for_update() if lock else courses:
            by_code[one.code].append(one)
        of_keys = {key: course for key, pair in wanted.items() if (course := self._choose(key, by_code, *pair))}
        rows = CourseYear.objects.filter(
            academic_year__label=self.year, course__in=[course.pk for course in of_keys.values()]
        ).order_by()
        given = {row.course_id: row for row in (rows.select_for_update(no_key=True) if lock else rows)}
        self._elsewhere = {key: course for key, course in of_keys.items() if course.pk not in given}
        found = {key: given[course.pk] for key, course in of_keys.items() if course.pk in given}
        for key, row in found.items():
            row.course = of_keys[key]
        return found

    def _choose(self, key: str, by_code: Mapping[str, list[Course]], code: str, department: str) -> Course | None:
        named = [course for course in by_code.get(code, ()) if not department or course.department == department]
        try:
            return choose(named, code, "")
        except (CodeError, MultipleObjectsReturned) as error:
            self._unclear[key] = str(error)
            return None

    def check(self, lines: list[Any]) -> None:
        """Refuse a code that does not name one course: what else is wrong with such a row comes from that."""
        for line in lines:
            if fault := self._unclear.get(line.key):
                line.faults.clear()
                line.refuse("code", fault)
        super().check(lines)

    def is_active(self, row: CourseYear) -> bool:
        """Return whether the course is offered where one is chosen."""
        return row.course.active

    def key_heading(self) -> str:
        """Return the headings that tell courses from each other."""
        return "code, departement" if self._by_department else super().key_heading()

    def lookup_of(self, attribute: str) -> str:
        """Return where a query of the courses of a year finds an attribute."""
        return f"course__{attribute}" if attribute in _IDENTITY else attribute

    def new_row(self, key: str) -> CourseYear:
        """Return a row that is not stored, of a course that there is or of a new one."""
        known = self._elsewhere.get(key)
        content = {name: getattr(known, name) for name in CONTENT} if known else {}
        course = copy(known) if known else Course(code_unique=not self._by_department)
        return CourseYear(course=course, academic_year_id=self.year, **content)

    def copy_row(self, row: CourseYear) -> CourseYear:
        """Return a row with a course of its own."""
        new = copy(row)
        new.course = copy(row.course)
        return new

    def clean_row(self, row: CourseYear, exclude: set[str]) -> None:
        """Check the course as well. A course of other years keeps its department: that is corrected on its page."""
        known = self._elsewhere.get(row.code)
        if known and row.department != known.department and "department" not in exclude:
            told = _("This is a course of “%(department)s”: correct that on its page first.")
            raise ValidationError({"department": [told % {"department": known.department}]})
        faults: dict[str, Any] = {}
        try:
            super().clean_row(row, exclude)
        except ValidationError as error:
            faults |= error.message_dict
        try:
            self.clean_values(row.course, {field.name for field in Course._meta.fields} - set(_IDENTITY) | exclude)
        except ValidationError as error:
            faults |= error.message_dict
        if faults:
            raise ValidationError(faults)

    def insert(self, rows: list[Any], user: Any, reason: str) -> None:
        """Add the courses to the year."""
        insert_course_years(rows, user, reason)

    def update(self, rows: list[Any], names: Collection[str], user: Any, reason: str) -> None:
        """Change the courses in the year, and what they have in every year."""
        update_course_years(rows, names, user, reason)

    def in_use(self, rows: list[Any]) -> list[str]:
        """Return the courses of these that somebody has in the year."""
        used = CourseYear.objects.filter(pk__in=[row.pk for row in rows], attributions__isnull=False)
        return sorted({f"{row.full_code} {row.title}" for row in used.select_related("course")})

    def delete(self, rows: list[Any], user: Any, reason: str) -> None:
        """Take the courses out of the year. Those that have no other year are deleted."""
        delete_course_years(rows, user, reason)
