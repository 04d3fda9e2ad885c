"""Notice that somebody else changed a row since a form showed it: the form carries what stands for the values."""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import Error
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .views.errors import incident_page

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
    _ModelAdmin = admin.ModelAdmin[Any]
else:  # generic in the stubs alone
    _ModelForm = forms.ModelForm
    _ModelAdmin = admin.ModelAdmin


def version_of(row: Model) -> str:
    """Return what stands for the values of a row as it is stored: other values, another version."""
    values = [str(getattr(row, field.attname)) for field in row._meta.concrete_fields]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:24]


class VersionedForm(_ModelForm):
    """Base of the admin's forms: refuses to overwrite what somebody else saved meanwhile."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Before the form changes the instance.
        self._stored = version_of(self.instance) if self.instance.pk else ""
        self.fields["version"].initial = self._stored

    def clean(self) -> dict[str, Any]:
        """Refuse the form of another version."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        seen = data.pop("version", "")
        if self._stored and seen and seen != self._stored:
            self.add_error(
                None, _("Somebody else changed this meanwhile: open it again, and compare with what you typed.")
            )
        return data


class VersionedAdmin(_ModelAdmin):
    """Base of the admin's pages of such forms: locks the row while its form is compared and stored."""

    form = VersionedForm

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row, locked until the end of the request's transaction if it is to be changed."""
        if request.method == "POST" and from_field is None:
            list(self.model._default_manager.select_for_update().filter(pk=object_id).order_by().values_list("pk"))
        return super().get_object(request, object_id, from_field)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Explain what the database refuses, as the application's own pages do."""
        sentence = _("%(what)s could not be stored: the database refused it.")
        return self._explained(request, super().changeform_view, sentence, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Explain what the database refuses, as the application's own pages do."""
        sentence = _("%(what)s could not be deleted: the database refused it.")
        return self._explained(request, super().delete_view, sentence, *args, **kwargs)

    def _explained(
        self, request: HttpRequest, view: Callable[..., HttpResponse], sentence: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Error as error:
            name = self.model._meta.verbose_name
            key = request.resolver_match.kwargs.get("object_id", "") if request.resolver_match else ""
            row = self.model._default_manager.filter(pk=key).first() if str(key).isdecimal() else None
            return incident_page(request, error, sentence % {"what": row or capfirst(name)})
