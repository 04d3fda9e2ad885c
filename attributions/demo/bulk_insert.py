"""Fill a database with generated rows: SQLite by batches of executemany, PostgreSQL by COPY."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management.color import no_style
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from attributions.models import Attribution, Teacher
from courses.academic_year import format_year
from courses.course_years import add_courses
from courses.models import AcademicYear, Course, CourseYear, Level

from . import generate
from .generate import Row, Sizes

#: A few megabytes.
BATCH_SIZE = 10_000
#: Username -> (first name, last name, staff).
USERS = {
    "secretariat": ("Secrétariat", "pédagogique", True),
    "direction": ("Direction", "des études", True),
    "enseignant": ("Joël", "Quéméner", False),
}


def tables_with_rows(using: str) -> list[str]:
    """Return the tables that already hold rows."""
    return [model._meta.db_table for model in (Attribution, Course, Teacher) if model.objects.using(using).exists()]


def fill(sizes: Sizes, using: str, *, password: str | None, progress: Callable[[str], None]) -> None:
    """Insert everything in one transaction."""
    parts_a_year = len(generate.parts_of(generate.courses(sizes)))
    years = generate.academic_years(sizes, parts_a_year)  # refuses impossible sizes before writing
    connection = connections[using]
    with transaction.atomic(using=using):
        users = make_users(using, password)
        Level.objects.using(using).bulk_create(
            (Level(code=code) for code in generate.LEVELS.values()), ignore_conflicts=True
        )
        for model, source in (
            (Teacher, generate.teachers(sizes)),
            (Course, generate.courses(sizes)),
            (Attribution, generate.attributions(sizes, users)),
        ):
            if model is Attribution:
                count = add_years(years, using)
                progress(f"{count} rows in {CourseYear._meta.db_table}")
            count = insert(connection, model, source)
            progress(f"{count} rows in {model._meta.db_table}")
        open_year(sizes.last_year, using)


def add_years(years: Iterable[int], using: str) -> int:
    """Add the years that are missing, closed, and give every year all courses. Return the number of these rows."""
    known = AcademicYear.objects.using(using)
    known.bulk_create((AcademicYear(label=format_year(year), open=False) for year in years), ignore_conflicts=True)
    labels = known.order_by("label").values_list("label", flat=True)
    return sum(add_courses(label, using=using) for label in list(labels))


def open_year(year: int, using: str) -> None:
    """Open a year with all courses: whatever the calendar says, it can be written to."""
    label = format_year(year)
    AcademicYear.objects.using(using).update_or_create(label=label, defaults={"open": True})
    add_courses(label, using=using)


def make_users(using: str, password: str | None) -> list[int]:
    """Make missing demonstration users, and return all their ids. Without a password nobody can log in."""
    # A fixed salt: the same seed gives the same bytes, and this password is no secret.
    encoded = make_password(password, salt="demonstration") if password else "!"
    made = datetime.datetime(2020, 9, 1, 8, tzinfo=datetime.UTC)
    users = []
    for username, (first_name, last_name, staff) in USERS.items():
        defaults = {"first_name": first_name, "last_name": last_name, "is_staff": staff, "is_superuser": staff}
        user, _created = (
            get_user_model()
            ._default_manager.using(using)
            .get_or_create(username=username, defaults={**defaults, "password": encoded, "date_joined": made})
        )
        users.append(user.pk)
    return users


def insert(connection: BaseDatabaseWrapper, model: type[models.Model], source: Iterable[Row]) -> int:
    """Insert rows with their ids, and set the sequence after them."""
    fields = model._meta.concrete_fields
    quote = connection.ops.quote_name
    table, columns = quote(model._meta.db_table), ", ".join(quote(field.column) for field in fields if field.column)
    prepared = adapt_rows(connection, fields, source)
    if connection.vendor == "postgresql":
        return _copy(connection, model, f"COPY {table} ({columns}) FROM STDIN", prepared)
    marks = ", ".join(["%s"] * len(fields))
    return _execute_many(connection, f"INSERT INTO {table} ({columns}) VALUES ({marks})", prepared)  # noqa: S608 - names come from the models, quoted by Django


def adapt_rows(
    connection: BaseDatabaseWrapper, fields: "Iterable[models.Field[Any, Any]]", source: Iterable[Row]
) -> Iterator[Row]:
    """Yield the rows as Django would store them. Only dates and decimals differ between databases."""
    operations = connection.ops
    decimal = lru_cache(maxsize=1000)(lambda value: operations.adapt_decimalfield_value(value, 6, 2))
    adapters: list[tuple[int, Callable[[Any], Any]]] = []
    for position, field in enumerate(fields):
        if isinstance(field, models.DateTimeField):
            adapters.append((position, operations.adapt_datetimefield_value))
        elif isinstance(field, models.DecimalField):
            adapters.append((position, decimal))
    for row in source:
        values = list(row)
        for position, adapt in adapters:
            values[position] = adapt(values[position])
        yield tuple(values)


def _execute_many(connection: BaseDatabaseWrapper, statement: str, prepared: Iterator[Row]) -> int:
    """Insert by batches: Django keeps a copy of what one executemany is given."""
    count = 0
    with connection.cursor() as cursor:
        while batch := list(islice(prepared, BATCH_SIZE)):
            cursor.executemany(statement, batch)
            count += len(batch)
    return count


def _copy(connection: BaseDatabaseWrapper, model: type[models.Model], statement: str, prepared: Iterator[Row]) -> int:
    """Insert by COPY, then reset the sequence by Django's own statement."""
    count = 0
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in prepared:
                copy.write_row(row)
                count += 1
        for reset in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(reset)
    return count
