"""Teachers and attributions: a teacher's share of one component of a course, in one academic year."""

import datetime
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from attribution_project.histories import HistoryOfColumns
from courses.models import AcademicYear, Course, CourseYear, hours_field

from .grade_names import in_language


class Grade(models.Model):
    """A grade of the teaching staff, with the statutory hours (HETD) that it owes in a year."""

    code = models.CharField(_("code"), max_length=10, unique=True)
    name = models.CharField(_("name"), max_length=100)
    name_feminine = models.CharField(
        _("feminine name"), max_length=100, blank=True, help_text=_("Empty: the same name.")
    )
    service_hours = hours_field(_("statutory hours (HETD)"))
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Lists follow this order."))
    active = models.BooleanField(_("active"), default=True, help_text=_("Offered where a grade is chosen."))

    class Meta:
        verbose_name = _("grade")
        verbose_name_plural = _("grades")
        ordering = ["position", "code"]
        constraints = [
            models.CheckConstraint(condition=Q(service_hours__gte=0), name="attributions_grade_hours_not_negative"),
        ]

    def __str__(self) -> str:
        return in_language(self.name)

    def written_for(self, title: str) -> str:
        """Return the name in the language of the page, feminine where the form of address says so."""
        return in_language((title == Title.MRS and self.name_feminine) or self.name)


class Component(models.TextChoices):
    """The three ways a course is taught."""

    CM = "CM", _("CM (lectures)")
    TD = "TD", _("TD (tutorials)")
    TP = "TP", _("TP (laboratory)")


#: Their values. Component.values makes the list again each time.
COMPONENTS = tuple(Component.values)


class Load(models.TextChoices):
    """The kind of load that the hours count as."""

    STATUTORY = "STAT", _("statutory")
    OVERTIME = "SUPP", _("overtime")


LOADS = tuple(Load.values)


class ShareRole(models.TextChoices):
    """What a teacher is in a part that may have several."""

    HOLDER = "HOLDER", _("holder")
    CO_HOLDER = "CO", _("co-holder")
    SUBSTITUTE = "SUBSTITUTE", _("substitute")


class Title(models.TextChoices):
    """The form of address, which decides how a grade is written."""

    MR = "M.", _("Mr")
    MRS = "Mme", _("Ms")


class Teacher(models.Model):
    """A teacher, identified by the matricule."""

    matricule = models.CharField(_("matricule"), max_length=20, unique=True)
    last_name = models.CharField(_("last name"), max_length=100)
    first_name = models.CharField(_("first name"), max_length=100)
    # Teachers are few: no index for each of the grades.
    grade = models.ForeignKey(
        Grade,
        on_delete=models.PROTECT,
        to_field="code",
        db_column="grade",
        db_index=False,
        related_name="teachers",
        verbose_name=_("grade"),
    )
    department = models.CharField(_("department"), max_length=100, db_index=True)
    email = models.EmailField(_("e-mail"), blank=True)
    max_hours = models.DecimalField(
        _("maximum yearly hours"), max_digits=6, decimal_places=2, validators=[MinValueValidator(Decimal(0))]
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="teacher",
        verbose_name=_("account"),
        help_text=_("Lets this teacher see their own page."),
    )
    title = models.CharField(_("form of address"), max_length=4, choices=Title, blank=True, default="", db_default="")
    active = models.BooleanField(
        _("active"),
        default=True,
        db_default=True,
        help_text=_("Offered where a teacher is chosen. An inactive one stays in lists and histories."),
    )
    history = HistoricalRecords(no_db_index=["grade"])

    class Meta:
        verbose_name = _("teacher")
        verbose_name_plural = _("teachers")
        ordering = ["last_name", "first_name", "matricule"]
        indexes = [models.Index(fields=["last_name", "first_name"], name="attributions_teacher_by_name")]
        constraints = [
            models.CheckConstraint(condition=Q(max_hours__gte=0), name="attributions_teacher_hours_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.last_name.upper()} {self.first_name}"

    @property
    def grade_name(self) -> str:
        """Return the name of the grade as the teacher is addressed."""
        return self.grade.written_for(self.title)


class Discharge(models.Model):
    """Statutory hours (HETD) that a teacher does not owe in one year, and why."""

    teacher = models.ForeignKey(Teacher, on_delete=models.PROTECT, related_name="discharges", verbose_name=_("teacher"))
    academic_year = models.ForeignKey(
        AcademicYear,
        on_delete=models.PROTECT,
        to_field="label",
        db_column="academic_year",
        related_name="+",
        verbose_name=_("academic year"),
    )
    hours = models.DecimalField(
        _("hours (HETD)"),
        max_digits=6,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"), _("Hours are more than 0."))],
    )
    reason = models.CharField(_("reason"), max_length=200)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("discharge")
        verbose_name_plural = _("discharges")
        ordering = ["-academic_year_id", "id"]
        constraints = [models.CheckConstraint(condition=Q(hours__gt=0), name="attributions_discharge_hours_positive")]

    def __str__(self) -> str:
        return f"{self.teacher} · {self.academic_year_id} · {self.reason}"


class Attribution(models.Model):
    """A teacher's share of one component of a course in one year.

    The database refuses the same share twice. Services keep the sum of a part's shares within the hours to give.
    """

    # The index below begins with the teacher.
    teacher = models.ForeignKey(
        Teacher, on_delete=models.PROTECT, related_name="attributions", db_index=False, verbose_name=_("teacher")
    )
    # The unique constraint below begins with the course: a second index would only cost writes.
    course = models.ForeignKey(
        Course,
        on_delete=models.PROTECT,
        related_name="attributions",
        db_index=False,
        verbose_name=_("course"),
    )
    component = models.CharField(_("component"), max_length=2, choices=Component)
    # The index below begins with the year.
    academic_year = models.ForeignKey(
        AcademicYear,
        on_delete=models.PROTECT,
        to_field="label",
        db_column="academic_year",
        db_index=False,
        related_name="attributions",
        verbose_name=_("academic year"),
    )
    #: The course as it is in that year. No column of its own: both tables have the course and the year.
    course_year = models.ForeignObject(
        CourseYear,
        on_delete=models.DO_NOTHING,
        from_fields=["course", "academic_year"],
        to_fields=["course", "academic_year"],
        related_name="attributions",
        null=True,
        editable=False,
        # Fixtures have its two columns already.
        serialize=False,
    )
    load = models.CharField(_("kind of load"), max_length=4, choices=Load, default=Load.STATUTORY)
    hours = models.DecimalField(
        _("hours"),
        max_digits=6,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"), _("Hours are more than 0."))],
    )
    note = models.TextField(
        _("internal remark"), blank=True, help_text=_("For the office: the teacher does not see it.")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("attributed by"),
    )
    created_at = models.DateTimeField(_("attributed on"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed on"), auto_now=True)
    teacher_note = models.TextField(
        _("remark for the teacher"),
        blank=True,
        default="",
        db_default="",
        help_text=_("On the teacher's page and in the letter."),
    )
    role = models.CharField(
        _("role"), max_length=10, choices=ShareRole, default=ShareRole.HOLDER, db_default=ShareRole.HOLDER
    )
    group = models.PositiveSmallIntegerField(
        _("group"),
        blank=True,
        default=0,
        db_default=0,
        validators=[MaxValueValidator(99)],
        help_text=_("The number of the group, such as 2 for TD group 2. 0: no group in particular."),
    )
    starts_on = models.DateField(_("from"), null=True, blank=True, help_text=_("Empty: from the beginning."))
    ends_on = models.DateField(_("to"), null=True, blank=True, help_text=_("Empty: to the end."))
    # For the history and for undo.
    history = HistoryOfColumns(excluded_fields=["updated_at"], no_db_index=["academic_year"])

    class Meta:
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        ordering = ["-academic_year_id", "-id"]
        indexes = [
            models.Index(fields=["-academic_year", "-id"], name="attributions_newest_first"),
            # A teacher's hours of one year are added up for every teacher of a list.
            models.Index(fields=["teacher", "academic_year"], name="attributions_of_a_teacher"),
        ]
        constraints = [
            # Its beginning serves the sums of a part. A date that is not given is compared as one far away, because
            # two NULLs are never the same.
            models.UniqueConstraint(
                "course",
                "academic_year",
                "component",
                "teacher",
                "group",
                Coalesce("starts_on", Value(datetime.date.min)),
                Coalesce("ends_on", Value(datetime.date.max)),
                name="attributions_no_share_twice",
            ),
            models.CheckConstraint(condition=Q(hours__gt=0), name="attributions_hours_positive"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="attributions_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return f"{self.course.full_code} · {self.component} · {self.academic_year_id}"
