"""Teachers as CSV and XLSX, for import and export, and their statutory hours, for export."""

from typing import TYPE_CHECKING, Any

from django.utils.functional import cached_property
from import_export import resources

from attribution_project.accent_search import without_accents
from attribution_project.spreadsheets.resources import ChoiceWidget, DecimalWidget, KeyedResource, column
from courses.departments import all_departments
from office.models import OfficeSettings

from .grade_names import in_language_lazy
from .models import Grade, Teacher, Title
from .service_hours import services

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def grade_choices() -> list[tuple[str, "StrOrPromise"]]:
    """Return the code and the name of every grade."""
    return [(code, in_language_lazy(name)) for code, name in Grade.objects.values_list("code", "name")]


class GradeWidget(ChoiceWidget):
    """A grade, written as its name. Its feminine name is read, too."""

    def __init__(self) -> None:
        super().__init__(grade_choices)

    def written_for(self, teacher: Teacher) -> str:
        """Return the grade as the teacher is addressed, without a query for each teacher."""
        return self._grades[teacher.grade_id].written_for(teacher.title)

    @cached_property
    def _grades(self) -> dict[str, Grade]:
        return {grade.code: grade for grade in Grade.objects.all()}

    @cached_property
    def _codes(self) -> dict[str, Any]:
        feminine = Grade.objects.exclude(name_feminine="").values_list("name_feminine", "code")
        return {without_accents(name): code for name, code in feminine} | super()._codes


class TeacherResource(KeyedResource):
    """One row for each teacher. A known matricule changes that teacher, a new one adds one."""

    identity = ("last_name", "first_name", "department")
    matricule = column("matricule", "matricule")
    last_name = column("last_name", "nom")
    first_name = column("first_name", "prenom")
    grade = column("grade_id", "grade", GradeWidget())
    department = column("department", "departement")
    email = column("email", "courriel")
    max_hours = column("max_hours", "heures_max", DecimalWidget())
    title = column("title", "civilite", ChoiceWidget(Title))

    class Meta(KeyedResource.Meta):
        model = Teacher
        import_id_fields = ["matricule"]
        fields = ["matricule", "last_name", "first_name", "grade", "department", "email", "max_hours", "title"]

    def dehydrate_grade(self, teacher: Teacher) -> str:
        """Return the grade for an export."""
        return str(self.fields["grade"].widget.written_for(teacher))

    def known_names(self) -> dict[str, list[str]]:
        """Return the departments that there are."""
        return {"department": all_departments()}


class LoadResource(resources.ModelResource):
    """One row for each teacher with the statutory hours of a year, for export only."""

    matricule = column("matricule", "matricule")
    last_name = column("last_name", "nom")
    first_name = column("first_name", "prenom")
    grade = column("grade_name", "grade")
    department = column("department", "departement")
    hours = column("hours", "heures", DecimalWidget())
    max_hours = column("max_hours", "heures_max", DecimalWidget())
    owed = column("service__owed", "service_grade", DecimalWidget())
    discharged = column("service__discharged", "decharges", DecimalWidget())
    due = column("service__due", "service_du", DecimalWidget())
    attributed = column("service__attributed", "attribue", DecimalWidget())
    left = column("service__left", "reste", DecimalWidget())
    complementary = column("service__complementary", "complementaires", DecimalWidget())

    class Meta:
        model = Teacher
        fields = [
            "matricule", "last_name", "first_name", "grade", "department", "hours", "max_hours", "owed", "discharged",
            "due", "attributed", "left", "complementary",
        ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._settings = OfficeSettings.load()

    def export_resource(self, instance: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the cells of a teacher who comes with the hours of a year."""
        [(_teacher, instance.service)] = services([instance], self._settings)
        return super().export_resource(instance, *args, **kwargs)
