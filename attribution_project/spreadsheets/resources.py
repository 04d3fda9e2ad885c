"""Base of the django-import-export resources: French headings, exact numbers, no key twice in a file."""

from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from import_export import fields, resources, widgets

from ..accent_search import without_accents

_MAX_DIGITS = 40


class DecimalWidget(widgets.DecimalWidget):
    """A decimal written with a point or a comma."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal | int | None:
        """Return the number, or None for an empty cell. Raise ValueError for anything else."""
        text = "".join(str(value if value is not None else "").split()).replace(",", ".")
        try:
            number = Decimal(text) if text else None
        except InvalidOperation:
            raise ValueError(_("“%(value)s” is no number.") % {"value": value}) from None
        # 1e999999999 would be a gigabyte when written out.
        if number is not None and (not number.is_finite() or abs(number.adjusted()) > _MAX_DIGITS):
            raise ValueError(_("“%(value)s” is no number.") % {"value": value})
        return number

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """Return the number. The file's format decides how it is written."""
        return value


class IntegerWidget(DecimalWidget):
    """An integer: 4, or 4.0 as a spreadsheet may write it."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:
        """Return the number. Raise ValueError for a fraction."""
        number = super().clean(value, row, **kwargs)
        if number is None:
            return None
        if number != int(number):
            raise ValueError(_("“%(value)s” is no whole number.") % {"value": value})
        return int(number)


class ChoiceWidget(widgets.CharWidget):
    """A choice, written as its label. Its code is read, too, and the label in each language, whatever its capitals."""

    def __init__(self, choices: Any) -> None:
        super().__init__()
        self._choices = choices.choices

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        """Return the label in the active language."""
        return str(dict(self._choices).get(value, value))

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """Return the code. Raise ValueError for what is no choice."""
        text = str(value or "").strip()
        code = self._codes.get(without_accents(text), "")
        if text and not code:
            told = {"value": text, "allowed": self._allowed()}
            raise ValueError(_("“%(value)s” is not allowed. Allowed are: %(allowed)s.") % told)
        return code

    @cached_property
    def _codes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                found |= {without_accents(str(label)): code for code, label in self._choices}
        return found | {without_accents(str(code)): code for code, _label in self._choices}

    def _allowed(self) -> str:
        return ", ".join(code if code == label else f"{code} ({label})" for code, label in self._choices)


def column(attribute: str, heading: str, widget: widgets.Widget | None = None) -> fields.Field:
    """Return a resource's field with its heading in the file."""
    return fields.Field(attribute=attribute, column_name=heading, widget=widget or widgets.CharWidget())


class KeyedResource(resources.ModelResource):
    """Rows identified by one column, ``Meta.import_id_fields``. Faults are reported for each row."""

    class Meta:
        abstract = True
        use_transactions = True
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True

    def headings(self) -> list[str]:
        """Return the headings of a file in the order of an export."""
        return [field.column_name for field in self.get_import_fields()]

    def key_heading(self) -> str:
        """Return the heading of the key."""
        return str(self.fields[self._meta.import_id_fields[0]].column_name)

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Collect the keys that occur twice."""
        key = self.key_heading()
        counts = Counter(str(value).strip() for value in dataset[key]) if key in (dataset.headers or []) else Counter()
        self._duplicates = {value for value, count in counts.items() if count > 1}

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        """Refuse a key that occurs twice: the second row would silently win."""
        key = self.key_heading()
        row[key] = str(row.get(key) or "").strip()
        if not row[key]:
            raise ValidationError({key: _("This column must not be empty.")})
        if row[key] in self._duplicates:
            raise ValidationError({key: _("“%(value)s” occurs twice in the file.") % {"value": row[key]}})
