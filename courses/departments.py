"""Choose departments from those that there are: a typing error must not make another one."""

from typing import Any

from django import forms
from django.apps import apps
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from attribution_project.versions import VersionedForm

from .models import dictionary_key


def all_departments() -> list[str]:
    """Return the departments of courses and teachers, in dictionary order."""
    courses, teachers = (
        apps.get_model(label)._default_manager.order_by().values_list("department", flat=True)
        for label in ("courses.Course", "attributions.Teacher")
    )
    # No two rows of a union are the same.
    return sorted(courses.union(teachers), key=dictionary_key)


class DepartmentForm(VersionedForm):
    """Base of the admin's forms: the department is one of those that there are, or expressly a new one."""

    department = forms.ChoiceField(label=capfirst(_("department")), required=False)
    new_department = forms.CharField(
        label=_("New department"),
        required=False,
        max_length=100,
        help_text=_("Only for a department that is not in the list yet."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [name for name in all_departments() if name]
        self.fields["department"].choices = [("", "---------"), *((name, name) for name in names)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Set the department. Refuse both and none of the two."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        chosen, new = data.get("department", ""), data.pop("new_department", "")
        if "department" not in self.errors and bool(chosen) == bool(new):
            self.add_error("department", _("Choose a department, or name a new one."))
        elif new:
            data["department"] = new
        return data
