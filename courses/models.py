"""Courses with the hours of each component."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from attribution_project.accent_search import without_accents

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable
    from django_stubs_ext import StrOrPromise

CODE_PATTERN = r"^[A-Z]{2,5}[0-9]{3,4}[A-Z]?\Z"


class Level(models.TextChoices):
    """The five years of the licence and the master's degree."""

    L1 = "L1", "L1"
    L2 = "L2", "L2"
    L3 = "L3", "L3"
    M1 = "M1", "M1"
    M2 = "M2", "M2"


class Semester(models.IntegerChoices):
    """The semester of the year."""

    FIRST = 1, _("Semester 1")
    SECOND = 2, _("Semester 2")


def hours_field(label: "StrOrPromise") -> "models.DecimalField[str | float | Decimal | Combinable, Decimal]":
    """Return the hours of one component of a course: 0 when the course has none."""
    return models.DecimalField(
        label, max_digits=6, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(Decimal(0))]
    )


class Course(models.Model):
    """A course, identified by its code."""

    code = models.CharField(
        _("code"),
        max_length=20,
        unique=True,
        validators=[RegexValidator(CODE_PATTERN, _("A code is 2 to 5 capitals and 3 or 4 digits, such as AGV211."))],
    )
    title = models.CharField(_("title"), max_length=200)
    credits = models.PositiveSmallIntegerField(_("credits"))
    hours_cm = hours_field(_("lecture hours (CM)"))
    hours_td = hours_field(_("tutorial hours (TD)"))
    hours_tp = hours_field(_("laboratory hours (TP)"))
    level = models.CharField(_("level"), max_length=2, choices=Level)
    semester = models.PositiveSmallIntegerField(_("semester"), choices=Semester)
    department = models.CharField(_("department"), max_length=100, db_index=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(hours_cm__gte=0, hours_td__gte=0, hours_tp__gte=0),
                name="courses_course_hours_not_negative",
            ),
            models.CheckConstraint(condition=Q(semester__in=[1, 2]), name="courses_course_semester_known"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"

    def hours_of(self, component: str) -> Decimal:
        """Return the hours of CM, TD or TP."""
        return {"CM": self.hours_cm, "TD": self.hours_td, "TP": self.hours_tp}[component]


class FileImport(models.Model):
    """A file that was imported, with what it changed: the history of imports, and what is needed to take one back."""

    class Table(models.TextChoices):
        """The tables that files are imported into, by their models."""

        COURSES = "courses.course", _("courses")
        TEACHERS = "attributions.teacher", _("teachers")

    table = models.CharField(_("table"), max_length=30, choices=Table)
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


def departments() -> list[str]:
    """Return the departments that have courses, in dictionary order on every database."""
    found = Course.objects.order_by("department").values_list("department", flat=True).distinct()
    return sorted(found, key=dictionary_key)


def dictionary_key(text: str) -> tuple[str, str]:
    """Return a sort key that ignores accents unless all else is equal: Économie before Forêts."""
    return without_accents(text), text
