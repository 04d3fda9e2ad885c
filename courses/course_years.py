"""Give years their courses, and store changes of them.

A course itself has the content of its newest year: what a course that comes back starts from, and what names it where
no year is meant.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Value

from attribution_project.histories import delete_with_history, insert_with_history, remember, update_with_history

from .codes import mark_new
from .models import CONTENT, Course, CourseContent, CourseYear

_COLUMNS = [str(field.column) for field in CourseContent._meta.local_fields]
_CONTENT = ", ".join(_COLUMNS)
_COURSES, _YEARS = Course._meta.db_table, CourseYear._meta.db_table


def add_courses(year: str, *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Give a year each active course that it lacks, as it is now, and return their number."""
    return _execute(
        f"""
        INSERT INTO {_YEARS} ({_CONTENT}, course_id, academic_year)
        SELECT {_CONTENT}, id, %s FROM {_COURSES}
        WHERE active AND NOT EXISTS (
            SELECT 1 FROM {_YEARS} known WHERE known.course_id = {_COURSES}.id AND known.academic_year = %s
        )
        ORDER BY id
        """,  # noqa: S608 - names of columns and tables
        [year, year],
        using,
    )


def copy_courses(source: str, year: str, *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Give a year each active course of another year that it lacks, as it is there, and return their number."""
    content = ", ".join(f"old.{column}" for column in _COLUMNS)
    return _execute(
        f"""
        INSERT INTO {_YEARS} ({_CONTENT}, course_id, academic_year)
        SELECT {content}, old.course_id, %s FROM {_YEARS} old JOIN {_COURSES} ON {_COURSES}.id = old.course_id
        WHERE old.academic_year = %s AND {_COURSES}.active
          AND NOT EXISTS (
              SELECT 1 FROM {_YEARS} known WHERE known.course_id = old.course_id AND known.academic_year = %s
          )
        ORDER BY old.course_id
        """,  # noqa: S608 - names of columns and tables
        [year, source, year],
        using,
    )


def _execute(statement: str, values: list[str], using: str) -> int:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def newest_of(rows: Iterable[CourseYear]) -> list[CourseYear]:
    """Return those rows whose course has no later year."""
    rows = list(rows)
    if not rows:
        return []
    keys = [row.course_id for row in rows]
    later = CourseYear.objects.filter(course__in=keys, academic_year__label__gt=rows[0].academic_year_id)
    older = set(later.order_by().values_list("course", flat=True))
    return [row for row in rows if row.course_id not in older]


def _follow(rows: Iterable[CourseYear]) -> list[Course]:
    """Give each course the content of its newest year, and return those that this changes."""
    changed = []
    for row in newest_of(rows):
        values = {name: getattr(row, name) for name in CONTENT}
        if any(getattr(row.course, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row.course, name, value)
            changed.append(row.course)
    return changed


# It joins the transaction that checks the row, if there is one.
@transaction.atomic(savepoint=False)
def save_course_year(row: CourseYear) -> None:
    """Store a course of a year, and the course with it."""
    if row._state.adding and row.course._state.adding:
        mark_new([row.course])
        for name in CONTENT:
            setattr(row.course, name, getattr(row, name))
    else:
        _follow([row])
    row.course.save()
    row.course = row.course  # with its key
    row.save()


def insert_course_years(rows: list[CourseYear], user: Any, reason: str) -> None:
    """Add courses to a year in few statements. A course that there is not yet is added as well."""
    known = [row for row in rows if row.course.pk is not None]
    new = [row for row in rows if row.course.pk is None]
    _insert_new_courses(new, user, reason)
    insert_with_history(CourseYear, known, user, reason)
    update_with_history(Course, _follow(known), CONTENT, user, reason)


def _insert_new_courses(rows: list[CourseYear], user: Any, reason: str) -> None:
    """Add courses, and copy them into the year of the rows within the database."""
    if not rows:
        return
    mark_new(row.course for row in rows)
    for row in rows:
        for name in CONTENT:
            setattr(row.course, name, getattr(row, name))
    insert_with_history(Course, [row.course for row in rows], user, reason)
    year = rows[0].academic_year_id
    for row in rows:
        row.course_id = row.course.pk
    keys = [row.course_id for row in rows]
    courses = Course.objects.filter(pk__in=keys).order_by("pk").values_list(*CONTENT, "pk", Value(year))
    select, parameters = courses.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {_YEARS} ({_CONTENT}, course_id, academic_year) {select}", parameters)
    added = CourseYear.objects.filter(course__in=keys, academic_year__label=year)
    remember(CourseYear, list(added.order_by().values_list("pk", flat=True)), "+", user, reason)


def update_course_years(rows: list[CourseYear], names: Collection[str], user: Any, reason: str) -> None:
    """Change courses of a year in few statements. ``names`` are the fields that changed in one of them."""
    content = {name for name in names if name in CONTENT}
    update_with_history(CourseYear, rows, content, user, reason)
    followed = _follow(rows)
    courses = [row.course for row in rows] if "department" in names else followed
    update_with_history(Course, courses, {*CONTENT, "department"}, user, reason)


def delete_course_years(rows: list[CourseYear], user: Any, reason: str) -> None:
    """Take courses out of a year in few statements, and delete those that have no other one."""
    delete_with_history(CourseYear, rows, user, reason)
    keys = [row.course_id for row in rows]
    alone = Course.objects.filter(pk__in=keys, years__isnull=True, attributions__isnull=True)
    delete_with_history(Course, list(alone), user, reason)
