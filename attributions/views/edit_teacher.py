"""Add, correct, deactivate and reactivate teachers."""

from http import HTTPStatus

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires
from attribution_project.views import activation

from ..models import Teacher
from ..teacher_form import TeacherForm

_ADD, _CHANGE = "attributions.add_teacher", "attributions.change_teacher"


@keeps_form
@requires(_ADD)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a teacher."""
    if request.method != "POST":
        return _render(request, TeacherForm(restore(request)))
    form = TeacherForm(request.POST)
    if not form.is_valid():
        return _render(request, form, status=HTTPStatus.BAD_REQUEST)
    teacher = form.save()
    messages.success(request, _("%(teacher)s is added.") % {"teacher": teacher})
    return redirect("teachers:detail", pk=teacher.pk)


@keeps_form
@requires(_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct a teacher."""
    if request.method != "POST":
        return _render(request, TeacherForm(restore(request), instance=get_object_or_404(Teacher, pk=pk)))
    with transaction.atomic():
        # Whoever corrects the same teacher waits here, and is compared with what is stored then.
        teacher = get_object_or_404(Teacher.objects.select_for_update(no_key=True), pk=pk)
        form = TeacherForm(request.POST, instance=teacher)
        if not form.is_valid():
            return _render(request, form, status=HTTPStatus.BAD_REQUEST)
        form.save()
    messages.success(request, _("%(teacher)s is changed.") % {"teacher": form.instance})
    return redirect("teachers:detail", pk=pk)


@requires(_CHANGE)
@require_POST
def set_active(request: HttpRequest, pk: int, *, active: bool) -> HttpResponse:
    """Take a teacher out of the pickers, or offer the teacher again. What is attributed stays."""
    return activation.set_active(
        request,
        Teacher.objects.all(),
        pk,
        active=active,
        withdrawn=_("%(name)s is not offered any more. What is attributed stays."),
        namespace="teachers",
    )


def _render(request: HttpRequest, form: TeacherForm, *, status: int = HTTPStatus.OK) -> HttpResponse:
    # The heading names the teacher who is stored, and not what was typed.
    teacher = Teacher.objects.filter(pk=form.instance.pk).first()
    return render(request, "attributions/teacher_form.html", {"form": form, "teacher": teacher}, status=status)
