"""Academic years, levels, and courses as they are in each year."""

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Cast, Substr
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from attribution_project.accent_search import without_accents

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable
    from django_stubs_ext import StrOrPromise

CODE_PATTERN = r"^[A-Za-z0-9]+([ ./-]+[A-Za-z0-9]+)*\Z"
# Only what Python, PostgreSQL and the sqlite3 shell all understand: the shell refuses \Z and would then refuse the row.
YEAR_PATTERN = "^[0-9]{4}-[0-9]{4}$"


class Level(models.Model):
    """A year of studies, such as L2 or BUT3: an administrator adds those of the institution."""

    code = models.CharField(_("code"), max_length=10, unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True, help_text=_("Where the code alone says too little."))
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Lists follow this order."))
    active = models.BooleanField(_("active"), default=True, help_text=_("Offered where a level is chosen."))

    class Meta:
        verbose_name = _("level")
        verbose_name_plural = _("levels")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return f"{self.code} ({self.name})" if self.name and self.name != self.code else self.code


def validate_academic_year(value: str) -> None:
    """Accept two years in a row, such as 2026-2027."""
    if not re.fullmatch(YEAR_PATTERN, value, re.ASCII) or int(value[5:]) != int(value[:4]) + 1:
        raise ValidationError(_("An academic year is two years in a row, such as 2026-2027."), code="academic_year")


def years_in_a_row(field: str) -> Case:
    """Return the rule for the database. CASE keeps PostgreSQL from casting text that is not a number."""
    first, second = (Cast(Substr(field, start, 4), models.IntegerField()) for start in (1, 6))
    return Case(
        When(**{f"{field}__regex": YEAR_PATTERN}, then=Exact(second, first + 1)),
        default=Value(False),
        output_field=models.BooleanField(),
    )


class AcademicYear(models.Model):
    """An academic year. Only an open one can be written to. One is the current one, which pages open on."""

    label = models.CharField(
        _("academic year"), max_length=9, unique=True, validators=[validate_academic_year], help_text="2026-2027"
    )
    open = models.BooleanField(_("open"), default=True, help_text=_("Only an open year can be written to."))
    current = models.BooleanField(_("current"), default=False, help_text=_("The year that pages open on."))

    class Meta:
        verbose_name = _("academic year")
        verbose_name_plural = _("academic years")
        ordering = ["-label"]
        constraints = [
            models.UniqueConstraint(fields=["current"], condition=Q(current=True), name="courses_one_current_year"),
            models.CheckConstraint(condition=years_in_a_row("label"), name="courses_years_in_a_row"),
        ]

    def __str__(self) -> str:
        return self.label


class Semester(models.IntegerChoices):
    """The semester of the year."""

    FIRST = 1, _("Semester 1")
    SECOND = 2, _("Semester 2")


def hours_field(label: "StrOrPromise") -> "models.DecimalField[str | float | Decimal | Combinable, Decimal]":
    """Return the hours of one component for one group: 0 when the course has none."""
    return models.DecimalField(
        label, max_digits=6, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(Decimal(0))]
    )


def groups_field(label: "StrOrPromise") -> "models.PositiveSmallIntegerField[float | int | str | Combinable, int]":
    """Return the number of groups that have the hours of one component each."""
    return models.PositiveSmallIntegerField(label, default=1, db_default=1, validators=[MinValueValidator(1)])


class CourseContent(models.Model):
    """What may change of a course from year to year."""

    title = models.CharField(_("title"), max_length=200)
    credits = models.PositiveSmallIntegerField(_("credits"))
    hours_cm = hours_field(_("lecture hours (CM)"))
    hours_td = hours_field(_("tutorial hours (TD)"))
    hours_tp = hours_field(_("laboratory hours (TP)"))
    level = models.ForeignKey(
        Level, models.PROTECT, to_field="code", db_column="level", db_index=False, related_name="+",
        verbose_name=_("level"),
    )  # fmt: skip
    semester = models.PositiveSmallIntegerField(_("semester"), choices=Semester)
    groups_cm = groups_field(_("lecture groups (CM)"))
    groups_td = groups_field(_("tutorial groups (TD)"))
    groups_tp = groups_field(_("laboratory groups (TP)"))

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(hours_cm__gte=0, hours_td__gte=0, hours_tp__gte=0),
                name="%(app_label)s_%(class)s_hours_not_negative",
            ),
            models.CheckConstraint(condition=Q(semester__in=[1, 2]), name="%(app_label)s_%(class)s_semester_known"),
            models.CheckConstraint(
                condition=Q(groups_cm__gte=1, groups_td__gte=1, groups_tp__gte=1),
                name="%(app_label)s_%(class)s_groups_positive",
            ),
        ]

    def hours_of(self, component: str) -> Decimal:
        """Return the hours of CM, TD or TP for one group."""
        return {"CM": self.hours_cm, "TD": self.hours_td, "TP": self.hours_tp}[component]

    def groups_of(self, component: str) -> int:
        """Return the number of groups of CM, TD or TP."""
        return {"CM": self.groups_cm, "TD": self.groups_td, "TP": self.groups_tp}[component]

    def hours_to_give(self, component: str) -> Decimal:
        """Return the hours that teachers give: those of one group, for each group."""
        return self.hours_of(component) * self.groups_of(component)


#: The attributes of CourseContent, as a row stores them.
CONTENT = tuple(field.attname for field in CourseContent._meta.local_fields)


class Course(CourseContent):
    """A course, identified by its code, or by code and department where the settings of the office say so.

    Its content is what a year starts from: a CourseYear has that of each year.
    """

    code = models.CharField(
        _("code"),
        max_length=30,
        validators=[
            RegexValidator(
                CODE_PATTERN, _("A code is made of letters, digits, and - . / or a space inside, such as AGV211.")
            )
        ],
    )
    department = models.CharField(_("department"), max_length=100, db_index=True)
    active = models.BooleanField(
        _("active"), default=True, db_default=True, help_text=_("Offered where a course is chosen.")
    )
    #: Whether no other such course may have the code: set by ``codes`` as the settings of the office say.
    code_unique = models.BooleanField(default=True, db_default=True, editable=False)
    history = HistoricalRecords(no_db_index=["level"], excluded_fields=["code_unique"])

    class Meta(CourseContent.Meta):
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        ordering = ["code", "department"]
        constraints = [
            *CourseContent.Meta.constraints,
            # Its beginning serves the search for a code.
            models.UniqueConstraint(fields=["code", "department"], name="courses_code_once_in_a_department"),
            models.UniqueConstraint(fields=["code"], condition=Q(code_unique=True), name="courses_code_once"),
        ]

    def __str__(self) -> str:
        return f"{self.full_code} {self.title}"

    @property
    def full_code(self) -> str:
        """Return the code, with the department where another one may have a course of that code."""
        return self.code if self.code_unique else f"{self.code} ({self.department})"


class CourseYear(CourseContent):
    """A course as it is in one year: later changes of the course leave it as it is."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="years", verbose_name=_("course"))
    # The unique constraint below begins with the year.
    academic_year = models.ForeignKey(
        AcademicYear, models.PROTECT, to_field="label", db_column="academic_year", db_index=False,
        related_name="course_years", verbose_name=_("academic year"),
    )  # fmt: skip
    history = HistoricalRecords(no_db_index=["level", "academic_year"])

    class Meta(CourseContent.Meta):
        verbose_name = _("course of a year")
        verbose_name_plural = _("courses of a year")
        ordering = ["-academic_year_id", "course__code"]
        constraints = [
            *CourseContent.Meta.constraints,
            models.UniqueConstraint(fields=["academic_year", "course"], name="courses_course_once_a_year"),
        ]

    def __str__(self) -> str:
        return f"{self.full_code} {self.title} · {self.academic_year_id}"

    @property
    def full_code(self) -> str:
        """Return the code, with the department where another one may have a course of that code."""
        return self.course.full_code

    @property
    def code(self) -> str:
        """Return the code, which the course has in every year."""
        return self.course.code

    @code.setter
    def code(self, value: str) -> None:
        self.course.code = value

    @property
    def department(self) -> str:
        """Return the department, which the course has in every year."""
        return self.course.department

    @department.setter
    def department(self, value: str) -> None:
        self.course.department = value


class FileImport(models.Model):
    """A file that was imported, with what it changed: the history of imports, and what is needed to take one back."""

    class Table(models.TextChoices):
        """The tables that files are imported into, by their models."""

        COURSES = "courses.course", _("courses")
        TEACHERS = "attributions.teacher", _("teachers")
        ATTRIBUTIONS = "attributions.attribution", _("attributions")

    table = models.CharField(_("table"), max_length=30, choices=Table)
    academic_year = models.CharField(
        _("academic year"), max_length=9, blank=True, default="", help_text=_("Empty for what has no year.")
    )
    file_name = models.CharField(_("file"), max_length=100)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("imported by")
    )
    made_at = models.DateTimeField(_("imported on"), auto_now_add=True)
    added = models.PositiveIntegerField(_("rows added"))
    changed = models.PositiveIntegerField(_("rows changed"))
    same = models.PositiveIntegerField(_("rows as before"))
    #: Key of the row -> field -> [old value or null, new value], as text.
    changes = models.JSONField(_("changes"))
    taken_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("taken back by"),
    )
    taken_back_at = models.DateTimeField(_("taken back on"), null=True, blank=True)

    class Meta:
        verbose_name = _("import of a file")
        verbose_name_plural = _("imports of files")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.file_name} · {self.get_table_display()}"


def level_choices() -> list[tuple[str, str]]:
    """Return code and label of each level, in the order of the list."""
    return [(level.code, str(level)) for level in Level.objects.all()]


def departments() -> list[str]:
    """Return the departments that have courses, in dictionary order on every database."""
    found = Course.objects.order_by("department").values_list("department", flat=True).distinct()
    return sorted(found, key=dictionary_key)


def dictionary_key(text: str) -> tuple[str, str]:
    """Return a sort key that ignores accents unless all else is equal: Économie before Forêts."""
    return without_accents(text), text
