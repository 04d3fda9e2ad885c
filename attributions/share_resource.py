"""Attributions as CSV and XLSX, for import and export."""

from collections.abc import Iterable
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy
from import_export import fields

from attribution_project.spreadsheets.resources import (
    ChoiceWidget,
    DayWidget,
    DecimalWidget,
    IntegerWidget,
    KeyedResource,
    KeyWidget,
    column,
)
from courses.models import AcademicYear, Course
from office.models import OfficeSettings

from .models import Attribution, Component, Load, ShareRole, Teacher
from .resources import GradeWidget
from .service_hours import count_hours
from .share_checks import ShareChecks

_SEPARATOR = " · "


class AttributionResource(ShareChecks, KeyedResource):
    """One row for each share. It is known by year, course, component, teacher, group and dates together."""

    year = column(
        "academic_year_id",
        "annee",
        KeyWidget(lambda: ((label, label) for label in AcademicYear.objects.values_list("label", flat=True)),
                  gettext_lazy("%(value)s is not in the list of academic years.")),
    )  # fmt: skip
    code = column(
        "course_id",
        "code",
        KeyWidget(lambda: Course.objects.values_list("pk", "code"), gettext_lazy("no course has the code %(value)s.")),
    )
    title = column("course_year__title", "intitule")
    department = column("course__department", "departement")
    level = column("course_year__level_id", "niveau")
    semester = column("course_year__semester", "semestre")
    component = column("component", "composante", ChoiceWidget(Component, as_code=True))
    matricule = column(
        "teacher_id",
        "matricule",
        KeyWidget(
            lambda: Teacher.objects.values_list("pk", "matricule"),
            gettext_lazy("no teacher has the matricule %(value)s."),
        ),
    )
    last_name = column("teacher__last_name", "nom")
    first_name = column("teacher__first_name", "prenom")
    grade = column("teacher__grade_id", "grade", GradeWidget())
    hours = column("hours", "heures", DecimalWidget())
    hetd = column("hetd", "hetd", DecimalWidget())
    load = column("load", "service", ChoiceWidget(Load))
    role = column("role", "role", ChoiceWidget(ShareRole))
    group = column("group", "groupe", IntegerWidget())
    starts_on = column("starts_on", "du", DayWidget())
    ends_on = column("ends_on", "au", DayWidget())
    note = column("note", "remarque_interne")
    teacher_note = column("teacher_note", "remarque_enseignant")

    class Meta(KeyedResource.Meta):
        model = Attribution
        import_id_fields = ["year"]
        fields = [
            "year", "code", "title", "department", "level", "semester", "component", "matricule", "last_name",
            "first_name", "grade", "hours", "hetd", "load", "role", "group", "starts_on", "ends_on", "note",
            "teacher_note",
        ]  # fmt: skip

    #: The columns that tell shares from each other, in the order of the key.
    _IDENTIFYING = ("year", "code", "component", "matricule", "group", "starts_on", "ends_on")
    _REQUIRED = ("year", "code", "component", "matricule", "hours")

    def __init__(self) -> None:
        super().__init__()
        self._settings = OfficeSettings.load()

    def export_resource(self, instance: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the cells of a row, with its hours as they count."""
        instance.hetd = count_hours(instance.hours, instance.component, self._settings)
        return super().export_resource(instance, *args, **kwargs)

    def get_import_fields(self, selected_fields: Any = None) -> list[fields.Field]:
        """Return the columns of shares: those of courses and teachers are for readers of an export."""
        return self._import_fields

    @cached_property
    def _import_fields(self) -> list[fields.Field]:
        return [one for one in self.get_export_fields() if not _only_told(one)]

    def ignored_headings(self) -> set[str]:
        """Return the headings of what an export tells about courses and teachers."""
        return {one.column_name for one in self.get_export_fields() if _only_told(one)}

    def required_columns(self) -> list[fields.Field]:
        """Return the columns that no share is without."""
        return [self.fields[name] for name in self._REQUIRED]

    def key_heading(self) -> str:
        """Return the headings that tell shares from each other."""
        return ", ".join(str(self.fields[name].column_name) for name in self._IDENTIFYING)

    def keys_of(self, columns: list[fields.Field], rows: Iterable[list[str]]) -> list[str]:
        """Return the key of each row. What cannot be read stands for itself: the row has a fault."""
        places = {name: columns.index(self.fields[name]) for name in self._IDENTIFYING if self.fields[name] in columns}
        return [
            _SEPARATOR.join(
                self._written(name, cells[places[name]]) if name in places else "" for name in self._IDENTIFYING
            )
            for cells in rows
        ]

    def _written(self, name: str, text: str) -> str:
        widget = self.fields[name].widget
        try:
            return _key_text(widget.render(widget.clean(text)))
        except ValueError:
            return text

    def key_of(self, row: Any) -> str:
        """Return year, code, component, matricule, group and dates."""
        columns = (self.fields[name] for name in self._IDENTIFYING)
        return _SEPARATOR.join(_key_text(one.widget.render(getattr(row, one.attribute))) for one in columns)

    def find(self, keys: Iterable[str], *, lock: bool = False) -> dict[str, Any]:
        """Return the shares with these keys, in one query, after reading what they are checked by."""
        wanted = set(keys)
        parts = [key.replace("\x00", "").split(_SEPARATOR) for key in wanted]
        years, codes, matricules = ({part[place] for part in parts} for place in (0, 1, 3))
        self.read_context(years, codes, matricules, lock=lock)
        found = Attribution.objects.filter(
            academic_year__label__in=years, course__code__in=codes, teacher__matricule__in=matricules
        )
        rows = found.select_for_update() if lock else found
        by_key = {self.key_of(row): row for row in rows.order_by("pk")}
        return {key: row for key, row in by_key.items() if key in wanted}

    def digest(self, rows: Iterable[Any]) -> str:
        """Return what stands for these shares and for all that they were checked by."""
        return super().digest(rows)[:16] + self.context_digest()

    def prepare(self, row: Any, user: Any) -> None:
        """Remember who attributed."""
        row.created_by = user


def _only_told(one: fields.Field) -> bool:
    """Return whether a column is one that an export has for its readers."""
    return "__" in one.attribute or one.attribute == "hetd"


def _key_text(value: Any) -> str:
    """Return a value as it stands in a key: no group and no date are empty."""
    return str(value) if value else ""
