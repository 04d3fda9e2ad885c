"""The form that attributes one part of a course to a teacher, for pages and for JSON alike."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import MultipleObjectsReturned
from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from courses.models import Course

from .models import Attribution, Load, Teacher

if TYPE_CHECKING:
    _ModelChoiceField = forms.ModelChoiceField[Any]
    _ModelForm = forms.ModelForm[Attribution]
else:  # generic in the stubs alone
    _ModelChoiceField = forms.ModelChoiceField
    _ModelForm = forms.ModelForm


class KeyChoiceField(_ModelChoiceField):
    """A row chosen by the key that people know (a code, a matricule) instead of a number."""

    def to_python(self, value: Any) -> Model | None:
        """Return the row; a key found twice, or one with a NUL that PostgreSQL refuses, would else answer 500."""
        try:
            row: Model | None = super().to_python(
                value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if value else value
            )
        except MultipleObjectsReturned:
            raise forms.ValidationError(
                _("%(value)s is several rows in the database: an administrator must merge them."),
                code="several",
                params={"value": value},
            ) from None
        return row


class TeacherChoiceField(KeyChoiceField):
    """A teacher, shown with the matricule: names are not unique."""

    def label_from_instance(self, obj: Teacher) -> str:
        """Return what the list shows."""
        return f"{obj} ({obj.matricule})"


class PartForm(_ModelForm):
    """What is common to a new attribution and to a change of one; the database alone decides what is free."""

    class Meta:
        model = Attribution
        fields = ["hours", "load", "note"]
        localized_fields = ["hours"]  # 36,50 as well as 36.50
        widgets = {
            "hours": forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            "note": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The statement checks the constraints: a query before it could only say what was true a moment ago.
        # Bad hours and years are refused by the fields' own validators.
        vars(self.instance).update(validate_constraints=lambda exclude=None: None)

    def faults(self) -> str:
        """Return every error in one line, each with its field."""
        return " ".join(
            f"{self[name].label} : {error}" if name in self.fields else str(error)
            for name, errors in self.errors.items()
            for error in errors
        )


class AttributionForm(PartForm):
    """One new attribution; without hours it is as long as the course says."""

    course = KeyChoiceField(
        Course.objects.all(),
        to_field_name="code",
        label=capfirst(_("course")),
        error_messages={"invalid_choice": _("no course has the code %(value)s.")},
    )
    teacher = TeacherChoiceField(
        Teacher.objects.all(),
        to_field_name="matricule",
        label=capfirst(_("teacher")),
        error_messages={"invalid_choice": _("no teacher has the matricule %(value)s.")},
    )

    class Meta(PartForm.Meta):
        fields = ["course", "component", "teacher", "academic_year", "hours", "load", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hours"].required = False
        self.fields["load"].required = False

    def clean_load(self) -> str:
        """Statutory where nothing else was said."""
        return self.cleaned_data["load"] or Load.STATUTORY

    def clean(self) -> dict[str, Any]:
        """Take the hours of the course where none were given."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("hours") is None and "hours" not in self.errors and data.get("course") and data.get("component"):
            data["hours"] = data["course"].hours_of(data["component"])
            if not data["hours"]:
                self.add_error("hours", _("this course has no hours of this kind."))
        return data

    def course_code(self) -> str:
        """Return the course that was asked for, as it was written, even when the form could not be checked."""
        return str(self.data.get("course", ""))[:20]

    def component(self) -> str:
        """Return the component in the same way."""
        return str(self.data.get("component", ""))[:2]


class MoveForm(forms.Form):
    """The teacher that an attribution goes to."""

    teacher = AttributionForm.base_fields["teacher"]
