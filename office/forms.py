"""The form of the settings."""

from django import forms

from attribution_project.versions import VersionedForm

from .models import OfficeSettings

#: What is set, in the order of the page.
LETTER_FIELDS = ("institution", "place", "signatory", "signatory_title", "reference")
RULE_FIELDS = ("tp_weight", "may_exceed_hours")


class OfficeSettingsForm(VersionedForm):
    """All settings. Two administrators do not overwrite each other's."""

    class Meta:
        model = OfficeSettings
        fields = [*LETTER_FIELDS, *RULE_FIELDS]
        widgets = {"tp_weight": forms.RadioSelect}

    def letter(self) -> list[forms.BoundField]:
        """Return the fields of what letters say."""
        return [self[name] for name in LETTER_FIELDS]

    def rules(self) -> list[forms.BoundField]:
        """Return the fields of the rules."""
        return [self[name] for name in RULE_FIELDS]
