"""The form of the settings."""

from typing import Any

from django import forms

from attribution_project.versions import VersionedForm
from courses.codes import change_scope

from .models import OfficeSettings

#: What is set, in the order of the page.
LETTER_FIELDS = ("institution", "place", "signatory", "signatory_title", "reference")
RULE_FIELDS = ("tp_weight", "code_scope", "may_exceed_hours")


class OfficeSettingsForm(VersionedForm):
    """All settings. Two administrators do not overwrite each other's."""

    class Meta:
        model = OfficeSettings
        fields = [*LETTER_FIELDS, *RULE_FIELDS]
        widgets = {"tp_weight": forms.RadioSelect, "code_scope": forms.RadioSelect}

    def save(self, commit: bool = True) -> Any:
        """Store the settings, and make the courses follow. Raise NamesakesError if they cannot: roll back then."""
        saved = super().save(commit)
        change_scope(saved.code_scope)
        return saved

    def letter(self) -> list[forms.BoundField]:
        """Return the fields of what letters say."""
        return [self[name] for name in LETTER_FIELDS]

    def rules(self) -> list[forms.BoundField]:
        """Return the fields of the rules."""
        return [self[name] for name in RULE_FIELDS]
