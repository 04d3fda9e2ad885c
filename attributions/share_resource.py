"""Attributions as CSV and XLSX, for import and export."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy
from import_export import fields

from attribution_project.spreadsheets.reading import Sheet
from attribution_project.spreadsheets.resources import (
    ChoiceWidget,
    DayWidget,
    DecimalWidget,
    IntegerWidget,
    KeyedResource,
    KeyWidget,
    column,
)
from courses.codes import split_code
from courses.models import AcademicYear
from office.models import OfficeSettings

from .models import Attribution, Component, Load, ShareRole, Teacher
from .resources import GradeWidget
from .service_hours import count_hours
from .share_checks import ShareChecks
from .share_keys import CourseWidget, ShareKey, split_key


class AttributionResource(ShareChecks, KeyedResource):
    """One row for each share. It is known by year, course, component, teacher, group and dates together."""

    year = column(
        "academic_year_id",
        "annee",
        KeyWidget(lambda: ((label, label) for label in AcademicYear.objects.values_list("label", flat=True)),
                  gettext_lazy("%(value)s is not in the list of academic years. Allowed are: %(allowed)s.")),
    )  # fmt: skip
    code = column("course_id", "code", CourseWidget())
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

    only_told = ("title", "department", "level", "semester", "last_name", "first_name", "grade", "hetd")

    class Meta(KeyedResource.Meta):
        model = Attribution
        import_id_fields = ["year"]
        fields = [
            "year", "code", "title", "department", "level", "semester", "component", "matricule", "last_name",
            "first_name", "grade", "hours", "hetd", "load", "role", "group", "starts_on", "ends_on", "note",
            "teacher_note",
        ]  # fmt: skip

    _REQUIRED = ("year", "code", "component", "matricule", "hours")

    def __init__(self) -> None:
        super().__init__()
        self._settings = OfficeSettings.load()

    def export_resource(self, instance: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the cells of a row, with its hours as they count."""
        instance.hetd = count_hours(instance.hours, instance.component, self._settings)
        return super().export_resource(instance, *args, **kwargs)

    def headings(self) -> list[str]:
        """Return the headings of a file, with the departments where they tell courses from each other."""
        found = super().headings()
        if self.fields["code"].widget.by_department:
            found.insert(found.index("code") + 1, str(self.fields["department"].column_name))
        return found

    def dehydrate_grade(self, share: Attribution) -> str:
        """Return the grade of the teacher for an export."""
        return str(self.fields["grade"].widget.written_for(share.teacher))

    def required_columns(self) -> list[fields.Field]:
        """Return the columns that no share is without."""
        return [self.fields[name] for name in self._REQUIRED]

    def key_heading(self) -> str:
        """Return the headings that tell shares from each other."""
        return ", ".join(str(self.fields[name].column_name) for name in ShareKey._fields)

    def keys_of(self, columns: list[fields.Field], rows: Iterable[list[str]]) -> list[str]:
        """Return the key of each row. What cannot be read stands for itself: the row has a fault."""
        places = {name: columns.index(self.fields[name]) for name in ShareKey._fields if self.fields[name] in columns}
        return [str(ShareKey(*(self._written(name, places, cells) for name in ShareKey._fields))) for cells in rows]

    def _written(self, name: str, places: Mapping[str, int], cells: list[str]) -> str:
        text = cells[places[name]] if name in places else ""
        try:
            return self._key_text(name, self.fields[name].widget.clean(text))
        except ValueError:
            return text

    def _key_text(self, name: str, value: Any) -> str:
        """Return a value as it stands in a key: no group and no date are empty."""
        widget = self.fields[name].widget
        return str(widget.name(value) if name == "code" else widget.render(value)) if value else ""

    def key_of(self, row: Any) -> str:
        """Return year, code, component, matricule, group and dates."""
        return str(
            ShareKey(*(self._key_text(name, getattr(row, self.fields[name].attribute)) for name in ShareKey._fields))
        )

    def _keys_of(self, row: Any) -> tuple[str, ...]:
        """Return the keys that an import may have had the row by: another setting has other codes."""
        key = split_key(self.key_of(row))
        return tuple(str(key._replace(code=code)) for code in self.fields["code"].widget.names(row.course_id))

    def joined(self, sheet: Sheet) -> Sheet:
        """Return the sheet with the department beside each code that does not name a course by itself."""
        code, department = self.fields["code"], self.fields["department"]
        joined: Sheet = code.widget.with_departments(sheet, code.column_name, department.column_name)
        return joined

    def find(self, keys: Iterable[str], *, lock: bool = False) -> dict[str, Any]:
        """Return the shares with these keys, in one query, after reading what they are checked by."""
        wanted = set(keys)
        parts = [split_key(key.replace("\x00", "")) for key in wanted]
        years, matricules = {part.year for part in parts}, {part.matricule for part in parts}
        codes = {split_code(part.code)[0] for part in parts}
        self.read_context(years, codes, matricules, lock=lock)
        found = Attribution.objects.filter(
            academic_year__label__in=years, course__code__in=codes, teacher__matricule__in=matricules
        )
        by_key: dict[str, list[Any]] = defaultdict(list)
        for row in (found.select_for_update() if lock else found).order_by("pk"):
            for key in wanted.intersection(self._keys_of(row)):
                by_key[key].append(row)
        return {key: rows[0] for key, rows in by_key.items() if len(rows) == 1}

    def locked_digest(self, pks: Iterable[int]) -> str:
        """Lock these shares and what they are checked by. Another share of the same key would be in the context."""
        self.lock_context()
        return super().locked_digest(pks)[:16] + self.context_digest()

    def digest(self, rows: Iterable[Any]) -> str:
        """Return what stands for these shares and for all that they were checked by."""
        return super().digest(rows)[:16] + self.context_digest()

    def prepare(self, row: Any, user: Any) -> None:
        """Remember who attributed."""
        row.created_by = user
