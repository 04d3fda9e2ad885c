"""Forms for attributions, used by the pages and by the API."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import MultipleObjectsReturned
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from courses.academic_year import closed_message
from courses.codes import CodeError, choose, several_message, split_code
from courses.models import AcademicYear, Course, CourseYear

from .models import Attribution, Teacher

if TYPE_CHECKING:
    _ModelChoiceField = forms.ModelChoiceField[Any]
    _ModelForm = forms.ModelForm[Attribution]
else:  # generic in the stubs alone
    _ModelChoiceField = forms.ModelChoiceField
    _ModelForm = forms.ModelForm


class KeyChoiceField(_ModelChoiceField):
    """Choose a row by the key that people know (a code, a matricule) instead of its id."""

    #: A row that the form has found already.
    known: Model | None = None

    def to_python(self, value: Any) -> Model | None:
        """Return the row. Turn a duplicate key, or a NUL that PostgreSQL refuses, into a validation error."""
        if self.known is not None and value == getattr(self.known, self.to_field_name or "pk"):
            return self.known
        key = value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if value else value
        try:
            return self.find(key)
        except MultipleObjectsReturned:
            raise forms.ValidationError(several_message(value), code="several") from None
        except forms.ValidationError as error:
            if error.code == "invalid_choice" and "inactive" in self.error_messages and self.is_inactive(key):
                raise forms.ValidationError(
                    self.error_messages["inactive"], code="inactive", params={"value": value}
                ) from None
            raise

    def find(self, key: Any) -> Model | None:
        """Return the row with this key."""
        row: Model | None = super().to_python(key)
        return row

    def is_inactive(self, key: Any) -> bool:
        """Return whether a row with this key is not offered any more."""
        rows = self.queryset.model._default_manager.filter(**{self.to_field_name or "pk": key}, active=False)  # type: ignore[union-attr]
        return bool(rows.exists())


class CourseChoiceField(KeyChoiceField):
    """Choose a course by its code, and by its department where others have a course of that code."""

    #: The department that the form names, or "".
    department = ""

    def __init__(self) -> None:
        super().__init__(
            Course.objects.filter(active=True),
            to_field_name="code",
            label=capfirst(_("course")),
            error_messages={
                "invalid_choice": _("no course has the code %(value)s."),
                "inactive": _("the course %(value)s is not active: it can be reactivated on its page."),
            },
        )

    def find(self, key: Any) -> Model | None:
        """Return the course that is meant, active or not."""
        if not key:
            return None
        code, department = split_code(key)
        try:
            course = choose(list(Course.objects.filter(code=code)), code, self.department or department)
        except CodeError as error:
            raise forms.ValidationError(str(error), code="department") from None
        if course is None:
            raise forms.ValidationError(
                self.error_messages["invalid_choice"], code="invalid_choice", params={"value": key}
            )
        if not course.active:
            raise forms.ValidationError(
                self.error_messages["inactive"], code="inactive", params={"value": course.full_code}
            )
        return course


class TeacherChoiceField(KeyChoiceField):
    """Choose a teacher, shown with the matricule because names are not unique."""

    def label_from_instance(self, obj: Teacher) -> str:
        """Return the label of the choice."""
        return f"{obj} ({obj.matricule})"


def teacher_field(teachers: QuerySet[Teacher]) -> TeacherChoiceField:
    """Return the field that chooses one of these teachers by the matricule."""
    return TeacherChoiceField(
        teachers,
        to_field_name="matricule",
        label=capfirst(_("teacher")),
        error_messages={
            "invalid_choice": _("no teacher has the matricule %(value)s."),
            "inactive": _("the teacher %(value)s is not active: they can be reactivated on their page."),
        },
    )


class DateInput(forms.DateInput):
    """A day as browsers let people choose it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


#: What a client that knows nothing of shares does not send.
_WITH_DEFAULTS = ("load", "role", "group")


class PartForm(_ModelForm):
    """Base of the forms for new and changed attributions. The database alone decides what is free."""

    class Meta:
        model = Attribution
        fields = ["hours", "load", "role", "group", "starts_on", "ends_on", "teacher_note", "note"]
        localized_fields = ["hours"]  # 36,50 as well as 36.50
        widgets = {
            "hours": forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            "teacher_note": forms.Textarea(attrs={"rows": 3}),
            "note": forms.Textarea(attrs={"rows": 3}),
            "group": forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            "starts_on": DateInput,
            "ends_on": DateInput,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The database checks the constraints at the INSERT: a query before it could be outdated.
        # Bad hours and years are refused by the fields' own validators.
        vars(self.instance).update(validate_constraints=lambda exclude=None: None)
        for name in _WITH_DEFAULTS:
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """Leave as it is what is not sent, and refuse a period that ends before it starts."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in _WITH_DEFAULTS:
            if name in data and data[name] in ("", None):
                data[name] = getattr(self.instance, name)
        for name in ("starts_on", "ends_on"):
            if name in data and name not in self.data:
                data[name] = getattr(self.instance, name)
        starts, ends = data.get("starts_on"), data.get("ends_on")
        if starts and ends and ends < starts:
            self.add_error("ends_on", _("A share ends after it starts."))
        return data

    def faults(self) -> str:
        """Return every error in one line, each with its field."""
        return " ".join(
            f"{self[name].label}{self.label_suffix} {error}" if name in self.fields else str(error)
            for name, errors in self.errors.items()
            for error in errors
        )


class OpenYearField(KeyChoiceField):
    """Choose one of the academic years that can be written to."""

    def __init__(self) -> None:
        super().__init__(
            AcademicYear.objects.all(),
            to_field_name="label",
            label=capfirst(_("academic year")),
            error_messages={"invalid_choice": _("%(value)s is not in the list of academic years.")},
        )

    def validate(self, value: Any) -> None:
        """Refuse a closed year."""
        super().validate(value)
        if value is not None and not value.open:
            raise forms.ValidationError(closed_message(value.label), code="closed")


class AttributionForm(PartForm):
    """One new share. Without hours it gets those that are left of its part.

    It is validated in the transaction that stores the share: it locks the course of the year and the teacher that it
    finds, in the order of services.limits.
    """

    course = CourseChoiceField()
    teacher = teacher_field(Teacher.objects.filter(active=True))
    academic_year = OpenYearField()

    class Meta(PartForm.Meta):
        fields = ["course", "component", "teacher", "academic_year", *PartForm.Meta.fields]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hours"].required = False

    def full_clean(self) -> None:
        """Find course, year and both together in one query, before each field is asked."""
        cast(CourseChoiceField, self.fields["course"]).department = self.department()
        if self.is_bound and (found := self._lock()):
            self.instance.course_year = found
            cast(KeyChoiceField, self.fields["course"]).known = found.course
            cast(KeyChoiceField, self.fields["academic_year"]).known = found.academic_year
        super().full_clean()

    # It joins the transaction that stores the share.
    @transaction.atomic(savepoint=False)
    def _lock(self) -> CourseYear | None:
        """Lock the course of the year and return it. The teacher is locked when the field finds it."""
        teachers = Teacher.objects.filter(active=True).select_for_update(no_key=True)
        cast(TeacherChoiceField, self.fields["teacher"]).queryset = teachers
        code, year = (str(self.data.get(name, "")).replace("\x00", "") for name in ("course", "academic_year"))
        code, department = split_code(code)
        named = Course.objects.filter(code=code).order_by()
        if department := self.department() or department:
            named = named.filter(department=department)
        rows = CourseYear.objects.select_for_update(no_key=True, of=("self",)).filter(
            course__in=named, course__active=True, academic_year__label=year
        )
        # A code that is there twice is told, whichever of its courses is given in the year.
        rows = rows.filter(~Exists(named.exclude(pk=OuterRef("course"))))
        found = list(rows.select_related("course", "academic_year").order_by("pk")[:2])
        return found[0] if len(found) == 1 else None

    def _get_validation_exclusions(self) -> set[str]:
        """Return what the model does not check again: the form has found course, teacher and year by their keys."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"course", "teacher", "academic_year"}

    def course_code(self) -> str:
        """Return the course's code as it was typed, even if the form is invalid."""
        return str(self.data.get("course", ""))[:30]

    def department(self) -> str:
        """Return the department that names the course together with the code, as it was typed, or ""."""
        return str(self.data.get("department", "")).replace("\x00", "").strip()[:100]

    def component(self) -> str:
        """Return the component as it was typed, even if the form is invalid."""
        return str(self.data.get("component", ""))[:2]


class MoveForm(forms.Form):
    """Choose the teacher that an attribution moves to."""

    teacher = teacher_field(Teacher.objects.filter(active=True))


class ReplaceForm(MoveForm):
    """Choose who goes on with a share, from which day, after how many hours."""

    first_day = forms.DateField(label=_("First day of the substitute"), widget=DateInput)
    hours_done = forms.DecimalField(
        label=_("Hours done until then"),
        max_digits=6,
        decimal_places=2,
        localize=True,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """Name the fields as the service does."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "teacher" in data:
            data["substitute"] = data.pop("teacher")
        return data
