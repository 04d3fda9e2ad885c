"""Base of the django-import-export resources: French headings, exact numbers, choices by their labels."""

import datetime
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable
from copy import copy
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS
from django.db.models import ProtectedError
from django.db.models.deletion import Collector
from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from import_export import fields, resources, widgets

from ..accent_search import without_accents
from ..histories import delete_with_history, insert_with_history, update_with_history

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from .reading import Sheet

_MAX_DIGITS = 40
_EXAMPLE = datetime.date(2027, 3, 1)


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
    """A choice, written as its label. Its code is read, too, and the label in each language, whatever its capitals.

    ``choices`` is a class of choices, or a function that asks the database for pairs of code and label. Each resource
    has its own copy of the widget, which asks once.
    """

    def __init__(self, choices: Any, *, as_code: bool = False) -> None:
        super().__init__()
        self._source = choices
        self._as_code = as_code

    @cached_property
    def _choices(self) -> list[tuple[Any, Any]]:
        return list(getattr(self._source, "choices", None) or self._source())

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """Return the label in the active language."""
        return value if self._as_code else str(dict(self._choices).get(value, value))

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """Return the code. Raise ValueError for what is no choice."""
        text = str(value or "").strip()
        # A sheet may hold the semester 1 as 1.0.
        code = self._codes.get(without_accents(text.removesuffix(".0")), "")
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
        # A label may begin with its code: CM (cours magistral).
        return ", ".join(
            str(label) if str(label).startswith(str(code)) else f"{code} ({label})" for code, label in self._choices
        )


class KeyWidget(widgets.CharWidget):
    """A row of another table, written as the key that people know: a code, a matricule, a year.

    ``unknown`` says of a ``value`` that there is none. It may name those ``allowed``.
    """

    def __init__(self, pairs: Callable[[], Iterable[tuple[Any, str]]], unknown: "StrOrPromise") -> None:
        super().__init__()
        self._pairs, self._unknown = pairs, unknown

    @cached_property
    def _keys(self) -> dict[Any, str]:
        return dict(self._pairs())

    @cached_property
    def _rows(self) -> dict[str, Any]:
        return {key: row for row, key in self._keys.items()}

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """Return the key."""
        return self._keys.get(value, value)

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """Return what the database refers to the row by. Raise ValueError for a key that is not known."""
        text = str(value or "").strip()
        if text and text not in self._rows:
            raise ValueError(str(self._unknown) % {"value": text, "allowed": ", ".join(self._rows)})
        return self._rows.get(text)


class DayWidget(widgets.CharWidget):
    """A day, as the active language writes it or as 2027-03-01."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> datetime.date | None:
        """Return the day, or None for an empty cell. Raise ValueError for anything else."""
        text = str(value or "").strip().removesuffix(" 00:00:00")
        try:
            day: datetime.date | None = forms.DateField(required=False).clean(text)
        except ValidationError:
            told = _("“%(value)s” is no day. Allowed are days such as %(example)s or %(iso)s.")
            example = {"example": date_format(_EXAMPLE, "SHORT_DATE_FORMAT"), "iso": _EXAMPLE.isoformat()}
            raise ValueError(told % ({"value": text} | example)) from None
        return day

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """Return the day. The file's format decides how it is written."""
        return value


def column(attribute: str, heading: str, widget: widgets.Widget | None = None) -> fields.Field:
    """Return a resource's field with its heading in the file."""
    return fields.Field(attribute=attribute, column_name=heading, widget=widget or widgets.CharWidget())


def normal_heading(text: str) -> str:
    """Return a heading without its accents, capitals and spaces: "Heures CM" is heures_cm."""
    return re.sub(r"[\s_-]+", "_", without_accents(text.strip()))


def digest_of(rows: Iterable[Iterable[Any]]) -> str:
    """Return what stands for these values, in whatever order the rows come."""
    held = sorted([str(value) for value in row] for row in rows)
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()[:32]


class KeyedResource(resources.ModelResource):
    """Rows identified by one column, ``Meta.import_id_fields``."""

    #: Fields that say what a row is: a change of one has to be confirmed.
    identity: tuple[str, ...] = ()
    #: Fields that an export tells its readers, and that an import does not read.
    only_told: tuple[str, ...] = ()

    class Meta:
        abstract = True

    @cached_property
    def _import_fields(self) -> list[fields.Field]:
        told = {self.fields[name] for name in self.only_told}
        return [one for one in self.get_export_fields() if one not in told]

    def get_import_fields(self, selected_fields: Any = None) -> list[fields.Field]:
        """Return the columns of a file."""
        return self._import_fields

    def headings(self) -> list[str]:
        """Return the headings of a file in the order of an export."""
        return [field.column_name for field in self.get_import_fields()]

    def key_column(self) -> fields.Field:
        """Return the column of the key."""
        return self.fields[self._meta.import_id_fields[0]]

    def key_heading(self) -> str:
        """Return the heading of the key."""
        return str(self.key_column().column_name)

    def required_columns(self) -> list[fields.Field]:
        """Return the columns that a file must have."""
        return [self.key_column()]

    def ignored_headings(self) -> set[str]:
        """Return the headings of an export that an import does not read."""
        return {self.fields[name].column_name for name in self.only_told}

    def joined(self, sheet: "Sheet") -> "Sheet":
        """Return the sheet with columns in one that are read together."""
        return sheet

    def keys_of(self, columns: list[fields.Field], rows: Iterable[list[str]]) -> list[str]:
        """Return the key of each row of a file."""
        place = columns.index(self.key_column())
        return [cells[place] for cells in rows]

    def key_of(self, row: Any) -> str:
        """Return the key of a row of the database."""
        return str(getattr(row, self.key_column().attribute))

    def check(self, lines: list[Any]) -> None:
        """Add to the lines of a file what is wrong or to be confirmed beside their cells."""
        for line in lines:
            if line.kind in ("new", "update") and not self.is_active(line.row):
                line.notes.append(_("%(key)s is not active, and stays so.") % {"key": line.key})

    def is_active(self, row: Any) -> bool:
        """Return whether a row is offered where one is chosen."""
        return bool(getattr(row, "active", True))

    def prepare(self, row: Any, user: Any) -> None:
        """Set what is not in the file before a new row is stored."""

    def fault_of_stored(self, rows: Iterable[Any]) -> str:
        """Return what is wrong with rows that were just stored or restored, or "". Nothing is kept then."""
        return ""

    @property
    def table(self) -> str:
        """Return the table that files are imported into, as a permission and the history of imports name it."""
        return str(self._meta.model._meta.label_lower)

    def model_field(self, attribute: str) -> Any:
        """Return the model's field of a column."""
        return self._meta.model._meta.get_field(attribute)

    def new_row(self, key: str) -> Any:
        """Return a row that is not stored."""
        return self._meta.model()

    def copy_row(self, row: Any) -> Any:
        """Return a row that can be changed without the one that is stored."""
        return copy(row)

    def clean_row(self, row: Any, exclude: set[str]) -> None:
        """Raise ValidationError for what the fields do not allow."""
        self.clean_values(row, exclude | {"id"})

    def clean_values(self, row: Any, exclude: set[str]) -> None:
        """Let each field judge its value, each value once: a column of a file has few."""
        # Django would ask the database for each related row; the columns' widgets know the codes that there are.
        held = {
            field.name: (field, str(getattr(row, field.attname)))
            for field in row._meta.concrete_fields
            if not field.is_relation and field.name not in exclude
        }
        unknown = {name for name, pair in held.items() if pair not in self._valid}
        if unknown:
            row.clean_fields(exclude={field.name for field in row._meta.fields} - unknown)
            self._valid.update(held[name] for name in unknown)

    @cached_property
    def _valid(self) -> set[tuple[Any, str]]:
        """Return the values, as text, that their fields have allowed."""
        return set()

    def require_writable(self) -> None:
        """Raise UnusableFileError if nothing may be stored now. Called in the transaction that stores."""

    def insert(self, rows: list[Any], user: Any, reason: str) -> None:
        """Store new rows."""
        insert_with_history(self._meta.model, rows, user, reason)

    def update(self, rows: list[Any], names: Collection[str], user: Any, reason: str) -> None:
        """Store changed rows. ``names`` are the fields that changed in one of them."""
        update_with_history(self._meta.model, rows, names, user, reason)

    def in_use(self, rows: list[Any]) -> list[str]:
        """Return what refers to one of these rows, so that they cannot be deleted."""
        try:
            Collector(using=DEFAULT_DB_ALIAS).collect(rows)
        except ProtectedError as error:
            return sorted({str(getattr(one, "course", one)) for one in error.protected_objects})
        return []

    def delete(self, rows: list[Any], user: Any, reason: str) -> None:
        """Delete rows."""
        delete_with_history(self._meta.model, rows, user, reason)

    def find(self, keys: Iterable[str], *, lock: bool = False) -> dict[str, Any]:
        """Return the rows with these keys by key, in one query."""
        name = self.key_column().attribute
        rows = self._meta.model._default_manager.filter(**{f"{name}__in": {key for key in keys if "\x00" not in key}})
        return {getattr(row, name): row for row in (rows.select_for_update() if lock else rows).order_by()}

    def digest(self, rows: Iterable[Any]) -> str:
        """Return what stands for the values of these rows: another digest means that one was changed."""
        names = [column.attribute for column in self.get_import_fields()]
        return digest_of([getattr(row, name) for name in names] for row in rows)

    def locked_digest(self, pks: Iterable[int]) -> str:
        """Lock these rows, and return their digest. No instance is made: a lock is to be short."""
        names = [self.lookup_of(column.attribute) for column in self.get_import_fields()]
        rows = self._meta.model._default_manager.filter(pk__in=list(pks)).select_for_update().order_by()
        return digest_of(rows.values_list(*names))

    def lookup_of(self, attribute: str) -> str:
        """Return where a query finds an attribute of a row."""
        return attribute

    def known_names(self) -> dict[str, list[str]]:
        """Return for each field whose values are chosen from what is there the values that are there."""
        return {}
