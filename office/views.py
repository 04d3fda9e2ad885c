"""The page of the settings."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from attribution_project.kept_form import keeps_form, restore
from attribution_project.permissions import requires
from courses.codes import NamesakesError

from .forms import OfficeSettingsForm
from .models import OfficeSettings


@keeps_form
@requires("office.change_officesettings")
@require_http_methods(["GET", "HEAD", "POST"])
def office_settings(request: HttpRequest) -> HttpResponse:
    """Show the settings, or store them."""
    if request.method != "POST":
        form = OfficeSettingsForm(restore(request), instance=OfficeSettings.load())
        return render(request, "office/settings.html", {"form": form})
    try:
        form = _save(request)
    except NamesakesError as error:
        form = OfficeSettingsForm(request.POST, instance=OfficeSettings.load())
        form.add_error("code_scope", str(error))
    if form.errors:
        return render(request, "office/settings.html", {"form": form}, status=400)
    messages.success(request, _("The settings are saved."))
    return redirect("office:settings")


def _save(request: HttpRequest) -> OfficeSettingsForm:
    """Store what was sent unless something is wrong with it, and return the form."""
    with transaction.atomic():
        # Whoever saves at the same time waits here, and is compared with what is stored then.
        OfficeSettings.objects.select_for_update().first()
        form = OfficeSettingsForm(request.POST, instance=OfficeSettings.load())
        if form.is_valid():
            form.save()
    return form
