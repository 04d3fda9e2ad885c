"""The discharges of one teacher: add one, remove one."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires
from courses.models import AcademicYear

from ..models import Discharge, Teacher

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Discharge]
else:
    _ModelForm = forms.ModelForm  # generic in the stubs alone


class DischargeForm(_ModelForm):
    """One new discharge, in a year that is open."""

    class Meta:
        model = Discharge
        fields = ["academic_year", "hours", "reason"]
        localized_fields = ["hours"]  # 36,50 as well as 36.50
        widgets = {"hours": forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})}

    academic_year = forms.ModelChoiceField(
        AcademicYear.objects.filter(open=True),
        to_field_name="label",
        empty_label=None,
        label=gettext_lazy("Academic year"),
        error_messages={"invalid_choice": gettext_lazy("This year is closed, or there is no such year.")},
    )


@keeps_form
@requires("attributions.view_discharge", change="attributions.add_discharge")
@require_http_methods(["GET", "HEAD", "POST"])
def discharges(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the discharges of a teacher over the years, or add one."""
    teacher = get_object_or_404(Teacher.objects.select_related("grade"), pk=pk)
    if request.method != "POST":
        form = DischargeForm(restore(request), initial={"academic_year": request.GET.get("year")})
        return _render(request, teacher, form)
    form = DischargeForm(request.POST, instance=Discharge(teacher=teacher))
    if not form.is_valid():
        return _render(request, teacher, form, status=400)
    form.save()
    messages.success(request, _("The discharge is added."))
    return redirect("teachers:discharges", pk=pk)


def _render(request: HttpRequest, teacher: Teacher, form: DischargeForm, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "teacher": teacher,
        "form": form,
        "discharges": teacher.discharges.select_related("academic_year"),
    }
    return render(request, "attributions/discharges.html", context, status=status)


@requires("attributions.view_discharge", change="attributions.delete_discharge")
@require_POST
def remove_discharge(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a discharge of a year that is open."""
    discharge = get_object_or_404(Discharge.objects.select_related("academic_year"), pk=pk)
    if discharge.academic_year.open:
        discharge.delete()
        messages.success(request, _("The discharge is removed."))
    else:
        messages.error(request, _("The year %(year)s is closed.") % {"year": discharge.academic_year})
    return redirect("teachers:discharges", pk=discharge.teacher_id)
