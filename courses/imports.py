"""Store the rows of an import, and take them back."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from attribution_project.spreadsheets.plan import Plan
from attribution_project.spreadsheets.reading import UnusableFileError
from attribution_project.spreadsheets.resources import KeyedResource

from .models import FileImport

_NAMED = 10


class ChangedMeanwhileError(UnusableFileError):
    """The database no longer holds what the preview showed."""


class CannotTakeBackError(Exception):
    """Something was changed since the import. The message names it."""


def store(resource: KeyedResource, plan: Plan, digest: str, user: Any) -> FileImport:
    """Store all rows in one transaction, in few and large statements.

    Raise ChangedMeanwhileError if the database does not hold any more what ``digest`` stands for.
    """
    new = [line.row for line in plan.lines if line.kind == "new"]
    changed = [line for line in plan.lines if line.kind == "update"]
    record = FileImport(
        table=resource.table,
        academic_year=getattr(resource, "year", ""),
        file_name=plan.sheet.name,
        made_by=user,
        added=len(new),
        changed=len(changed),
        same=len(plan.lines) - len(new) - len(changed),
        changes={line.key: _as_text(resource, line.changes) for line in plan.lines if line.changes},
    )
    names = {name for line in changed for name in line.changes}
    try:
        with transaction.atomic():
            resource.require_writable()
            held = [line.row.pk for line in plan.lines if line.row.pk is not None]
            if plan.counts["invalid"] or resource.locked_digest(held) != digest:
                raise ChangedMeanwhileError(_("Something was changed since the preview: nothing was imported."))
            record.save()
            for row in new:
                resource.prepare(row, user)
            resource.insert(new, user, _reason(record))
            resource.update([line.row for line in changed], names, user, _reason(record))
            if fault := resource.fault_of_stored(line.row for line in plan.lines):
                raise ChangedMeanwhileError(fault)
    except IntegrityError as error:
        # Somebody added a row with one of these keys since they were read.
        raise ChangedMeanwhileError(_("Something was changed since the preview: nothing was imported.")) from error
    return record


def _reason(record: FileImport) -> str:
    return f"import {record.pk}"


def _as_text(resource: KeyedResource, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, list[str | None]]:
    """Return the changes as JSON can hold them: decimals keep their digits as text."""
    return {name: [_text_of(resource, name, value) for value in pair] for name, pair in changes.items()}


def _text_of(resource: KeyedResource, name: str, value: Any) -> str | None:
    if value is None:
        return None
    places = getattr(resource.model_field(name), "decimal_places", None)
    return str(value) if places is None else f"{value:.{places}f}"


def take_back(resource: KeyedResource, pk: int, user: Any) -> FileImport:
    """Restore all rows as they were before the import. Raise CannotTakeBackError if one was changed since."""
    try:
        return _take_back(resource, pk, user)
    except IntegrityError as error:
        told = _("Another row has by now what would be restored, so that nothing was taken back.")
        raise CannotTakeBackError(told) from error


def _take_back(resource: KeyedResource, pk: int, user: Any) -> FileImport:
    with transaction.atomic():
        record = FileImport.objects.select_for_update().get(pk=pk)
        if record.taken_back_at is not None:
            raise CannotTakeBackError(_("This import was taken back already."))
        try:
            resource.require_writable()
        except UnusableFileError as error:
            raise CannotTakeBackError(str(error)) from error
        held = resource.find(record.changes, lock=True)
        changes_of = record.changes.items()
        if strangers := [name for name, changes in changes_of if not _as_imported(resource, held.get(name), changes)]:
            raise CannotTakeBackError(_changed_since(strangers))
        restored = {name: changes for name, changes in changes_of if not _is_new(changes)}
        for name, changes in restored.items():
            for attribute, (old, _new) in changes.items():
                setattr(held[name], attribute, resource.model_field(attribute).to_python(old))
        names = {attribute for changes in restored.values() for attribute in changes}
        resource.update([held[name] for name in restored], names, user, _reason(record))
        added = [held[name] for name in record.changes if name not in restored]
        if used := resource.in_use(added):
            raise CannotTakeBackError(_in_use(used))
        resource.delete(added, user, _reason(record))
        if fault := resource.fault_of_stored(held.values()):
            raise CannotTakeBackError(fault)
        record.taken_back_at, record.taken_back_by = timezone.now(), user
        record.save()
    return record


def _is_new(changes: Mapping[str, list[str | None]]) -> bool:
    return all(old is None for old, _new in changes.values())


def _as_imported(resource: KeyedResource, row: Any, changes: Mapping[str, list[str | None]]) -> bool:
    return row is not None and all(
        _text_of(resource, name, getattr(row, name)) == new for name, (_old, new) in changes.items()
    )


def _changed_since(names: list[str]) -> str:
    told = _("Changed since the import, so that nothing was taken back: %(names)s.")
    return told % {"names": _first_of(names)}


def _in_use(names: list[str]) -> str:
    told = _("There are attributions of what the import added, so that nothing was taken back: %(names)s.")
    return told % {"names": _first_of(names)}


def _first_of(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
