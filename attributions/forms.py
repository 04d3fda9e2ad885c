"""The form that attributes one part of a course to a teacher, for pages and for JSON alike."""

import datetime
from typing import Any

from django import forms
from django.db.models import Model
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from courses.models import Course

from .models import Attribution, Teacher

#: A list longer than this is slower to load and to search than a code is to type.
MOST_CHOICES = 2000


def academic_year_of(day: datetime.date) -> str:
    """Return the academic year that is prepared on a day: from July on, the one that starts in September."""
    first = day.year if day.month >= 7 else day.year - 1
    return f"{first}-{first + 1}"


class KeyChoiceField(forms.ModelChoiceField):
    """A row chosen by the key that people know (a code, a matricule) instead of a number."""

    def to_python(self, value: Any) -> Model | None:
        """Return the row; a key found twice is said, where Django's own field would answer 500."""
        try:
            return super().to_python(value)
        except self.queryset.model.MultipleObjectsReturned:
            raise forms.ValidationError(
                _("%(value)s is several rows in the database: an administrator must merge them."),
                code="several",
                params={"value": value},
            ) from None


class TeacherChoiceField(KeyChoiceField):
    """A teacher, shown with the matricule: names are not unique."""

    def label_from_instance(self, obj: Teacher) -> str:
        """Return what the list shows."""
        return f"{obj} ({obj.matricule})"


class AttributionForm(forms.ModelForm):
    """One attribution; whether the part is still free is decided by the database alone."""

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

    class Meta:
        model = Attribution
        fields = ["course", "component", "teacher", "academic_year", "hours", "load", "note"]
        localized_fields = ["hours"]  # 36,50 as well as 36.50
        widgets = {
            "hours": forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            "note": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["academic_year"].initial = academic_year_of(timezone.localdate())
        # The INSERT checks the constraints: a query before it could only say what was true a moment ago.
        # Bad hours and years are refused by the fields' own validators.
        self.instance.validate_constraints = lambda exclude=None: None

    def fit_widgets(self) -> None:
        """Ask for the key itself where a list would be too long; only a page needs this."""
        for name in ("course", "teacher"):
            field = self.fields[name]
            if field.queryset[MOST_CHOICES : MOST_CHOICES + 1].exists():
                field.widget = forms.TextInput(attrs={"autocomplete": "off"})
                key = field.queryset.model._meta.get_field(field.to_field_name)
                field.help_text = capfirst(key.verbose_name)

    def faults(self) -> str:
        """Return every error in one line, each with its field."""
        return " ".join(
            f"{self[name].label} : {error}" if name in self.fields else str(error)
            for name, errors in self.errors.items()
            for error in errors
        )

    def course_code(self) -> str:
        """Return the course that was asked for, as it was written, even when the form could not be checked."""
        return str(self.data.get("course", ""))[:20]
