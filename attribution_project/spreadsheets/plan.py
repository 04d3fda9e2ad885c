"""Work out what the rows of a file would change, by reading alone: one query for the rows that are known.

Nothing is locked and nothing is stored. What would surprise has to be confirmed: a changed name or department, a value
that is erased. A department that nobody has is taken for a typing error until somebody says otherwise.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import NOT_PROVIDED
from django.utils.formats import localize
from django.utils.translation import gettext as _

from ..accent_search import without_accents
from .reading import Sheet, UnusableFileError
from .resources import KeyedResource, normal_heading

MAX_ROWS_SHOWN = 200
_PROPOSALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a row."""

    text: str
    #: The value that it replaces, or None where it changes nothing.
    old: str | None = None
    #: Whether the change has to be confirmed.
    flagged: bool = False


@dataclass(slots=True, kw_only=True)
class Line:
    """One row of the file and what it would do."""

    #: Row number in the spreadsheet.
    number: int
    key: str
    #: "new", "update", "skip" or "invalid".
    kind: str
    cells: list[Cell]
    #: Heading ("" for the whole row) and message.
    faults: list[tuple[str, str]]
    #: The row of the database as it would be.
    row: Any
    #: Name of a field -> its old and its new value.
    changes: dict[str, tuple[Any, Any]]
    #: What has to be confirmed beside the marked cells.
    notes: list[str] = field(default_factory=list)

    @property
    def flagged(self) -> bool:
        """Return whether something of it has to be confirmed."""
        return bool(self.notes) or any(cell.flagged for cell in self.cells)

    def refuse(self, heading: str, message: str) -> None:
        """Add a fault that was found beside other rows."""
        self.kind = "invalid"
        self.faults.append((heading, message))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownName:
    """A name that nothing in the database has yet."""

    heading: str
    text: str
    #: How many rows have it.
    rows: int
    #: The nearest known names.
    proposals: list[str]
    #: What was decided: a known name, or the text itself to create it, or "".
    decision: str


@dataclass(slots=True, kw_only=True)
class Plan:
    """The changes that an import of the file would make."""

    sheet: Sheet
    headings: list[str]
    lines: list[Line]
    unknown: list[UnknownName]
    #: Stands for what the database held of these rows.
    digest: str
    #: The signed rows, or "" if a row has a fault.
    token: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of rows of each kind."""
        kinds = Counter(line.kind for line in self.lines)
        return {kind: kinds[kind] for kind in ("new", "update", "skip", "invalid")}

    @property
    def flagged(self) -> int:
        """Return the number of rows that have to be confirmed."""
        return sum(line.flagged for line in self.lines)

    @property
    def undecided(self) -> list[UnknownName]:
        """Return the unknown names about which nothing is decided."""
        return [name for name in self.unknown if not name.decision]

    @property
    def shown(self) -> list[Line]:
        """Return at most MAX_ROWS_SHOWN rows in the order of the file: first those with faults, then those flagged."""
        return sorted(self.lines, key=lambda line: (line.kind != "invalid", not line.flagged, line.number))[
            :MAX_ROWS_SHOWN
        ]


@dataclass(slots=True, kw_only=True)
class _Builder:
    resource: KeyedResource
    decisions: Mapping[str, str]
    #: Key -> the row of the database.
    existing: dict[str, Any]
    #: Keys that occur twice.
    twice: set[str]
    #: Name of a field -> the names that the database has.
    known: dict[str, list[str]]
    #: The related rows that no row is without.
    required: list[Any]
    #: (field, text) -> how many rows have it.
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: (field, text) -> the value of the cell, or what is wrong with it: a column of a file has few texts.
    values: dict[tuple[str, str], tuple[Any, str]] = field(default_factory=dict)


def build(resource: KeyedResource, sheet: Sheet, decisions: Mapping[str, str] | None = None) -> Plan:
    """Return what the rows would change. ``decisions`` says for an unknown name which one is meant."""
    sheet = _without_ignored(resource, resource.joined(sheet))
    columns = _columns(resource, sheet.headings)
    known, decisions = resource.known_names(), decisions or {}
    keys = resource.keys_of(columns, [_decided(columns, cells, known, decisions) for _number, cells in sheet.rows])
    existing = resource.find(keys)
    builder = _Builder(
        resource=resource,
        decisions=decisions,
        existing=existing,
        twice={key for key, count in Counter(keys).items() if count > 1},
        known=known,
        required=_required_relations(resource),
    )
    lines = [_line(builder, columns, number, cells, key) for (number, cells), key in zip(sheet.rows, keys, strict=True)]
    resource.check(lines)
    return Plan(
        sheet=sheet,
        headings=[column.column_name for column in columns],
        lines=lines,
        unknown=_unknown_names(builder),
        digest=resource.digest(existing.values()),
    )


def _required_relations(resource: KeyedResource) -> list[Any]:
    known = {column.attribute for column in resource.get_import_fields()}
    fields = resource._meta.model._meta.concrete_fields
    return [field for field in fields if field.is_relation and not field.null and field.attname in known]


def _without_ignored(resource: KeyedResource, sheet: Sheet) -> Sheet:
    """Return the sheet without the columns that an export has and an import does not read."""
    ignored = {normal_heading(heading) for heading in resource.ignored_headings()}
    kept = [place for place, heading in enumerate(sheet.headings) if normal_heading(heading) not in ignored]
    return replace(
        sheet,
        headings=[sheet.headings[place] for place in kept],
        rows=[(number, [cells[place] for place in kept]) for number, cells in sheet.rows],
    )


def _columns(resource: KeyedResource, headings: list[str]) -> list[Any]:
    """Return the column of each heading, whatever its capitals and accents."""
    by_heading = {normal_heading(column.column_name): column for column in resource.get_import_fields()}
    if strangers := [heading for heading in headings if normal_heading(heading) not in by_heading]:
        names = {"strange": ", ".join(strangers[:5]), "known": ", ".join(resource.headings())}
        raise UnusableFileError(_("Unknown headings: %(strange)s. Known are: %(known)s.") % names)
    columns = [by_heading[normal_heading(heading)] for heading in headings]
    if len({column.column_name for column in columns}) != len(columns):
        raise UnusableFileError(_("A heading occurs twice."))
    if missing := [column.column_name for column in resource.required_columns() if column not in columns]:
        raise UnusableFileError(_("The column “%(key)s” is missing.") % {"key": "”, “".join(missing)})
    return columns


def _decided(
    columns: list[Any], cells: list[str], known: Mapping[str, list[str]], decisions: Mapping[str, str]
) -> list[str]:
    """Return the cells with the names that are meant, as far as that is decided."""
    pairs = zip(columns, cells, strict=True)
    return [decisions.get(text) or text if column.attribute in known else text for column, text in pairs]


def _line(builder: _Builder, columns: list[Any], number: int, cells: list[str], key: str) -> Line:
    old = builder.existing.get(key)
    row = builder.resource.copy_row(old) if old is not None else builder.resource.new_row(key)
    faults: dict[str, list[str]] = {}
    for column, text in zip(columns, cells, strict=True):
        try:
            setattr(row, column.attribute, _value(builder, column, text))
        except ValueError as error:
            faults[column.attribute] = [str(error)]
    _check_key(key, builder.twice, builder.resource.key_column().attribute, faults)
    faults |= {
        field.attname: [_("This column must not be empty.")]
        for field in builder.required
        if not getattr(row, field.attname) and field.attname not in faults
    }
    try:
        builder.resource.clean_row(row, set(faults))
    except ValidationError as error:
        faults |= {name: list(map(_fault_text, errors)) for name, errors in error.error_dict.items()}
    changes = _changes(old, row, [column.attribute for column in columns])
    kind = "invalid" if faults else "new" if old is None else "update" if changes else "skip"
    return Line(
        number=number,
        key=key,
        kind=kind,
        cells=[_cell(builder, column, text, old, changes) for column, text in zip(columns, cells, strict=True)],
        faults=list(_list_faults(builder.resource, columns, cells, faults)),
        row=row,
        changes=changes,
    )


def _value(builder: _Builder, column: Any, text: str) -> Any:
    """Return the value of a cell. Raise ValueError for what the column cannot hold."""
    if (column.attribute, text) not in builder.values:
        builder.values[column.attribute, text] = _read_cell(builder, column, text)
    value, fault = builder.values[column.attribute, text]
    if fault:
        raise ValueError(fault)
    known = builder.known.get(column.attribute)
    if known is None or not value or value in known:
        return value
    builder.unknown[column.attribute, value] += 1
    return builder.decisions.get(value) or value


def _read_cell(builder: _Builder, column: Any, text: str) -> tuple[Any, str]:
    """Return the value of a cell and "", or None and what is wrong."""
    model_field = builder.resource.model_field(column.attribute)
    if not text and model_field.default is not NOT_PROVIDED:
        return model_field.get_default(), ""
    try:
        return column.widget.clean(text), ""
    except ValueError as error:
        return None, str(error)


def _fault_text(error: ValidationError) -> str:
    """Return what is wrong with a field in the words of a file."""
    return _("This column must not be empty.") if error.code in ("null", "blank") else " ".join(error.messages)


def _check_key(key: str, twice: set[str], attribute: str, faults: dict[str, list[str]]) -> None:
    if not key:
        faults[attribute] = [_("This column must not be empty.")]
    elif key in twice:
        faults[attribute] = [_("“%(value)s” occurs twice in the file.") % {"value": key}]


def _changes(old: Any, row: Any, attributes: Iterable[str]) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (None if old is None else getattr(old, name), getattr(row, name)) for name in attributes}
    return pairs if old is None else {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _cell(builder: _Builder, column: Any, text: str, old: Any, changes: Mapping[str, tuple[Any, Any]]) -> Cell:
    if old is None or column.attribute not in changes:
        return Cell(text=text)
    before, after = changes[column.attribute]
    erased = bool(before) and not after
    return Cell(
        text=text,
        old=shown_value(column.widget.render(before)),
        flagged=erased or column.attribute in builder.resource.identity,
    )


def shown_value(value: Any) -> str:
    """Return a value as a page shows it."""
    return "" if value is None else str(localize(value))


def _list_faults(
    resource: KeyedResource, columns: list[Any], cells: list[str], faults: Mapping[str, list[str]]
) -> Iterable[tuple[str, str]]:
    headings = {column.attribute: column.column_name for column in resource.get_import_fields()}
    texts = dict(zip([column.attribute for column in columns], cells, strict=True))
    for name, messages in faults.items():
        text = texts.get(name, "")
        for message in messages:
            if text and text not in message:
                message = _("“%(value)s”: %(message)s") % {"value": text[:60], "message": message}
            yield headings.get(name, ""), message


def _unknown_names(builder: _Builder) -> list[UnknownName]:
    headings = {column.attribute: column.column_name for column in builder.resource.get_import_fields()}
    return [
        UnknownName(
            heading=headings[attribute],
            text=text,
            rows=rows,
            proposals=nearest(text, builder.known[attribute]),
            decision=builder.decisions.get(text, ""),
        )
        for (attribute, text), rows in sorted(builder.unknown.items())
    ]


def nearest(text: str, known: Iterable[str]) -> list[str]:
    """Return the known names that are most like the text, whatever their accents and capitals."""
    by_letters: dict[str, str] = {without_accents(name): name for name in known}
    found = get_close_matches(without_accents(text), by_letters, n=_PROPOSALS, cutoff=0.6)
    return [by_letters[letters] for letters in found]
