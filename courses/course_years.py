"""Give years their courses, in one statement each: no row passes through Python."""

from django.db import DEFAULT_DB_ALIAS, connections

from .models import Course, CourseContent, CourseYear

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
