"""Courses as CSV and XLSX, for import and export."""

from attribution_project.spreadsheets.resources import ChoiceWidget, DecimalWidget, IntegerWidget, KeyedResource, column

from .departments import all_departments
from .models import Course, Semester, level_choices


class CourseResource(KeyedResource):
    """One row for each course. A known code changes that course, a new one adds it."""

    identity = ("title", "department")
    code = column("code", "code")
    title = column("title", "intitule")
    credits = column("credits", "credits", IntegerWidget())
    hours_cm = column("hours_cm", "heures_cm", DecimalWidget())
    hours_td = column("hours_td", "heures_td", DecimalWidget())
    hours_tp = column("hours_tp", "heures_tp", DecimalWidget())
    level = column("level_id", "niveau", ChoiceWidget(level_choices, as_code=True))
    semester = column("semester", "semestre", ChoiceWidget(Semester, as_code=True))
    department = column("department", "departement")

    class Meta(KeyedResource.Meta):
        model = Course
        import_id_fields = ["code"]
        fields = [
            "code", "title", "credits", "hours_cm", "hours_td", "hours_tp", "level", "semester", "department",
        ]  # fmt: skip

    def known_names(self) -> dict[str, list[str]]:
        """Return the departments that there are."""
        return {"department": all_departments()}
