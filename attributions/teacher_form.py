"""The form of a teacher."""

from typing import Any

from django import forms
from django.db.models import Q

from courses.departments import DepartmentForm

from .models import Grade, Teacher


class TeacherForm(DepartmentForm):
    """A teacher, with a department and a grade of those that there are."""

    class Meta:
        model = Teacher
        fields = ["matricule", "title", "last_name", "first_name", "grade", "department", "email", "max_hours"]
        localized_fields = ["max_hours"]  # 187,50 as well as 187.50
        widgets = {"max_hours": forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})}

    field_order = [
        "matricule", "title", "last_name", "first_name", "grade", "department", "new_department", "email", "max_hours",
    ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = Q(code=self.instance.grade_id) if self.instance.grade_id else Q()
        self.fields["grade"].queryset = Grade.objects.filter(Q(active=True) | now)  # type: ignore[attr-defined]

    def facts(self) -> list[forms.BoundField]:
        """Return the fields that are seen."""
        return [bound for bound in self if not bound.is_hidden]
