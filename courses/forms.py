"""The form of a course in one year."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from attribution_project.versions import version_of

from .codes import code_fault, unique_in_institution
from .departments import DepartmentForm
from .models import Course, CourseYear, Level

_HOURS = ("hours_cm", "hours_td", "hours_tp")
_GROUPS = ("groups_cm", "groups_td", "groups_tp")


class CourseForm(DepartmentForm):
    """A course as it is in one year, with the code and the department that it has in every year."""

    code = forms.CharField(label=capfirst(_("code")), max_length=30)

    class Meta:
        model = CourseYear
        fields = ["title", "credits", "level", "semester", *_HOURS, *_GROUPS]
        localized_fields = [*_HOURS]  # 36,50 as well as 36.50
        widgets = {name: forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}) for name in _HOURS} | {
            name: forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
            for name in ("credits", *_GROUPS)
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        course = self.instance.course
        # A change of the course is a change of what the form shows as well.
        if self.instance.pk:
            self._stored = self.fields["version"].initial = self._stored + version_of(course)
        self.fields["code"].initial = course.code
        self.fields["code"].validators += Course._meta.get_field("code").validators
        self.fields["department"].initial = course.department
        now = Q(code=self.instance.level_id) if self.instance.level_id else Q()
        self.fields["level"].queryset = Level.objects.filter(Q(active=True) | now)  # type: ignore[attr-defined]

    def _post_clean(self) -> None:
        """Give the course its code and department, and refuse the code of another course."""
        super()._post_clean()  # type: ignore[misc]
        course = self.instance.course
        for name in ("code", "department"):
            if name in self.cleaned_data:
                setattr(course, name, self.cleaned_data[name])
        if course.pk is None:
            course.code_unique = unique_in_institution()
        if {"code", "department"} <= self.cleaned_data.keys():
            self.refuse_taken_code()

    def refuse_taken_code(self) -> bool:
        """Return whether another course has the code, and say so."""
        if fault := code_fault(self.instance.course):
            self.add_error("code", fault)
        return bool(fault)

    def rows(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """Return component, hours and groups, for a table."""
        return [
            (end.upper(), self[f"hours_{end}"], self[f"groups_{end}"])
            for end in (name.removeprefix("hours_") for name in _HOURS)
        ]

    def facts(self) -> list[forms.BoundField]:
        """Return the other fields in the order of the page."""
        names = ("code", "title", "department", "new_department", "level", "semester", "credits")
        return [self[name] for name in names]
