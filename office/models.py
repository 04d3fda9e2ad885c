"""The settings of the office, in one row."""

from fractions import Fraction

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

_ROW = 1


class TPWeight(models.TextChoices):
    """How many statutory hours (HETD) an hour of TP counts as."""

    ONE = "1", _("1 (as an hour of TD)")
    TWO_THIRDS = "2/3", _("2/3")


class CodeScope(models.TextChoices):
    """Where no two courses have the same code."""

    INSTITUTION = "institution", _("the whole institution")
    DEPARTMENT = "department", _("a department")


def fill_reference(reference: str, year: str, matricule: str) -> str:
    """Return the reference with its two placeholders filled."""
    return reference.replace("{year}", year).replace("{matricule}", matricule)


def validate_reference(value: str) -> None:
    """Accept a reference whose braces hold nothing but {year} and {matricule}."""
    if {"{", "}"} & set(fill_reference(value, "", "")):
        raise ValidationError(_("Only {year} and {matricule} may stand in braces."), code="reference")


class OfficeSettings(models.Model):
    """What an administrator sets for the whole office. ``OfficeSettings.load()`` returns it."""

    id = models.PositiveSmallIntegerField(primary_key=True, editable=False)
    institution = models.CharField(
        _("institution"), max_length=200, blank=True, help_text=_("At the head of each letter.")
    )
    place = models.CharField(
        _("place"), max_length=100, blank=True, help_text=_("The town that letters are dated from.")
    )
    signatory = models.CharField(_("signatory"), max_length=200, blank=True, help_text=_("The name below the letter."))
    signatory_title = models.CharField(
        _("title of the signatory"), max_length=200, blank=True, help_text=_("Such as: The dean.")
    )
    reference = models.CharField(
        _("reference"),
        max_length=100,
        blank=True,
        validators=[validate_reference],
        help_text=_("Such as SCOL/{year}/{matricule}: each letter has its own year and matricule there."),
    )
    tp_weight = models.CharField(
        _("one hour of TP counts as"),
        max_length=3,
        choices=TPWeight,
        default=TPWeight.ONE,
        help_text=_("In statutory hours (HETD); one hour of CM counts as 1.5, one of TD as 1."),
    )
    may_exceed_hours = models.BooleanField(
        _("more hours than a course has may be attributed"),
        default=False,
        help_text=_("After a confirmation. Otherwise they are refused."),
    )
    code_scope = models.CharField(
        _("course codes are unique within"),
        max_length=11,
        choices=CodeScope,
        default=CodeScope.INSTITUTION,
        db_default=CodeScope.INSTITUTION,
        help_text=_("Within a department: others may have a course of that code, and it is shown with its department."),
    )

    class Meta:
        verbose_name = _("settings of the office")
        verbose_name_plural = _("settings of the office")
        constraints = [models.CheckConstraint(condition=Q(id=_ROW), name="office_officesettings_one_row")]

    def __str__(self) -> str:
        return self.institution or str(self._meta.verbose_name)

    @classmethod
    def load(cls) -> "OfficeSettings":
        """Return the settings, as they are by default if nobody has set any."""
        return cls._default_manager.filter(pk=_ROW).first() or cls(pk=_ROW)

    def weight_of(self, component: str) -> Fraction:
        """Return how many statutory hours (HETD) an hour of CM, TD or TP counts as."""
        return {"CM": Fraction(3, 2), "TD": Fraction(1), "TP": Fraction(self.tp_weight)}[component]

    def reference_of(self, year: str, matricule: str) -> str:
        """Return the reference of one teacher's letter of a year."""
        return fill_reference(self.reference, year, matricule)
