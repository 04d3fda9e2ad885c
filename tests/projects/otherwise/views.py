# mypy: disable-error-code="attr-defined, misc, no-untyped-call, arg-type"
"""A line with an arrow differs on PostgreSQL, by the rule that it names. Of the others nothing may be said."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import CharField, Count, F, Q, Value
from django.db.models.functions import Cast, Coalesce, Length

from tests.projects.otherwise.models import Author, Book, Label

TABLE = "otherwise_author"
COUNT = "SELECT count(*) FROM otherwise_author WHERE active = 1"  # -> compared-types
GROUPED = "SELECT author_id, title FROM otherwise_book GROUP BY author_id"  # -> group-by


def rows(sql: str, *parameters: object) -> list[Any]:
    """Ask for rows, as many projects do: the literals are those of the callers."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def constants() -> object:
    """Read SQL through names."""
    return rows(COUNT), rows(sql=GROUPED)


def refused(name: str) -> object:
    """Ask by SQL of SQLite's."""
    rows("SELECT ifnull(rank, 0) FROM otherwise_author WHERE name = %s", name)  # -> unknown-function
    rows(f"SELECT group_concat(name) FROM {Author._meta.db_table}")  # -> unknown-function
    rows("SELECT id FROM " + TABLE + " ORDER BY id LIMIT 2, 3")  # -> sqlite-syntax
    rows('SELECT id FROM otherwise_author WHERE name = "Martin"')  # -> double-quoted-text
    rows('SELECT id FROM (SELECT id, api_token AS t FROM otherwise_author) q WHERE t = "hush"')  # -> double-quoted-text
    rows("SELECT pages * 2 AS twice FROM otherwise_book WHERE twice > 2")  # -> unknown-column
    rows("SELECT rowid FROM otherwise_book WHERE id = %s", 1)  # -> unknown-column
    rows("SELECT count(*) FROM otherwise_author WHERE api_token == 'hush'")  # -> sqlite-syntax
    rows("PRAGMA table_info(otherwise_book)")  # -> sqlite-catalogue
    rows("SELECT name FROM sqlite_master")  # -> sqlite-catalogue
    rows("SELECT name FROM otherwise_author ORDER BY name COLLATE NOCASE")  # -> unknown-collation
    rows("INSERT OR IGNORE INTO otherwise_book (title, pages) VALUES ('a', 1)")  # -> sqlite-syntax
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE otherwise_book SET title = printf('a') WHERE id = %s", [])  # -> unknown-function
        cursor.execute("INSERT INTO otherwise_book (title, pages) VALUES ('a', 1)")
        key = cursor.lastrowid  # -> last-row-id
    list(Author.objects.raw("SELECT id, strftime('%%Y', 'now') AS year FROM otherwise_author"))  # -> unknown-function
    return key


def answered(name: str) -> object:
    """Ask what PostgreSQL takes, and answers otherwise."""
    rows("SELECT count(*) FROM otherwise_author WHERE name LIKE 'mar%%'")  # -> like-case
    rows("SELECT count(*) FROM otherwise_book WHERE title LIKE '%2'")  # -> percent-sign
    rows("SELECT sum(price) FROM otherwise_author")  # -> raw-value-type
    rows("SELECT count(*) FROM otherwise_author WHERE abs(random()) > 10")  # -> function-meaning
    rows("SELECT substr(name, -2) FROM otherwise_author WHERE id = 1")  # -> function-meaning
    rows("SELECT id FROM otherwise_author ORDER BY rank")  # -> order-nulls
    Author.objects.filter(name__icontains="éric").count()  # -> case-of-all-letters
    list(Book.objects.all()[:10])  # -> unordered
    Paginator(Book.objects.filter(pages__gt=3), 10)  # -> unordered
    Book.objects.filter(title__lt="m").order_by("pages").first()  # -> order-ties
    return Author.objects.filter(name__contains=name).order_by("id")  # -> like-case


def asked_by_the_orm() -> object:
    """Build querysets that PostgreSQL refuses."""
    list(Label.objects.filter(object_id__in=Book.objects.values("id")))  # -> compared-types
    Author.objects.annotate(x=Coalesce("rank", Value("-"), output_field=CharField()))  # -> literal-of-another-type
    list(Author.objects.annotate(n=Length("sold")).order_by("id"))  # -> unknown-function
    locked = Author.objects.select_for_update().filter(id=1)  # -> lock-without-transaction
    return locked, Author.objects.filter(name__regex=r"(?P<x>Al)").count()  # -> python-regex


def written() -> None:
    """Write what PostgreSQL refuses, or refuses later."""
    Author.objects.create(id=7, name="x")  # -> explicit-key
    Author.objects.create(name="x", sold=3_000_000_000)  # -> integer-range
    Author.objects.create(name="a\x00b")  # -> nul-character
    Author.objects.create(name="longer than twenty letters")  # -> text-length
    with transaction.atomic():
        try:  # -> caught-in-transaction
            Author.objects.create(name="y")
        except IntegrityError:
            Author.objects.count()


def files(backup: Path) -> object:
    """Take the database for a file."""
    shutil.copy(settings.DATABASES["default"]["NAME"], backup)  # -> database-as-file
    other = sqlite3.connect("db.sqlite3")  # -> database-as-file
    if connection.vendor == "sqlite":  # -> vendor-branch
        return other
    return rows("SELECT count(*) FROM otherwise_author")


def driver() -> object:
    """Use Python's sqlite3 below Django."""
    connection.connection.create_function("twice", 1, lambda value: value * 2)  # -> sqlite3-module
    try:
        return Author.objects.update(name="longer than twenty letters")  # -> text-length
    except sqlite3.IntegrityError as error:  # -> sqlite3-module
        return "UNIQUE constraint failed" in str(error)  # -> error-text


def single() -> object:
    """Take one of several rows."""
    newest = Author.objects.latest("rank")  # -> order-nulls
    last = Author.objects.order_by("-rank")[0]  # -> order-nulls
    oldest = Author.objects.earliest()  # -> order-nulls
    return newest, last, oldest, Book.objects.filter(pages=4)[0]  # -> unordered


async def awaited() -> object:
    """Take a row without blocking."""
    await Author.objects.filter(name__icontains="éric").acount()  # -> case-of-all-letters
    return await Author.objects.alatest()  # -> order-nulls


def stored(numbers: list[int], old: Author) -> None:
    """Write keys and numbers, in every way that stores them."""
    Author.objects.filter(name="x").update(sold=3_000_000_000)  # -> integer-range
    Author.objects.filter(pk=old.pk).update(sold=-3_000_000_000, name=old.name)  # -> integer-range
    Author(pk=78, name="x").save()  # -> explicit-key
    single = Author(pk=79)  # -> explicit-key
    single.save(force_insert=True)
    many = [Author(id=number) for number in numbers]  # -> explicit-key
    many.append(Author(id=80))  # -> explicit-key
    Author.objects.bulk_create(many, batch_size=10)
    Author.objects.bulk_create(objs=[Author(id=81)])  # -> explicit-key
    Author(pk=old.pk, name="y").save(update_fields=["name"])
    known = Author(pk=old.pk)
    known.delete()


def right(name: str, table: str, limit: int) -> object:
    """Do the same in ways that are equal on both. Nothing may be said of this function."""
    rows("SELECT data FROM otherwise_author ORDER BY id LIMIT 3")
    rows("SELECT coalesce(rank, 0), count(*) FROM otherwise_author WHERE name = %s GROUP BY 1", name)
    rows("SELECT id FROM otherwise_author ORDER BY rank NULLS FIRST, id")
    rows("UPDATE otherwise_book SET title = 'It''s 100%%' WHERE id = %s", 1)
    if connection.vendor == "sqlite":
        rows("PRAGMA optimize")
    if connection.vendor == "postgresql":
        rows("SELECT pg_advisory_xact_lock(1)")
    with connections["other"].cursor() as cursor:
        cursor.execute("SELECT ifnull(a, b) FROM elsewhere")
    with sqlite3.connect(":memory:") as memory:
        memory.execute("CREATE TABLE t AS SELECT ifnull(1, 2)")
    with transaction.atomic():
        locked = Author.objects.select_for_update().get(pk=1)
        try:
            with transaction.atomic():
                Author.objects.create(name="y")
        except IntegrityError:
            locked.delete()
    Author.objects.extra(where=["name = 'Martin' AND active"]).count()
    Author.objects.annotate(n=Count("book")).filter(Q(n=1) | Q(rank=F("id"))).order_by("id")
    Label.objects.filter(object_id__in=Book.objects.values(key=Cast("id", CharField())))
    return Author.objects.exclude(rank__in=[1, 2]).filter(name__icontains=name).order_by("-id")[:limit]


def put_together(name: str, words: list[str]) -> object:
    """Put SQL together, which only a run knows. Nothing may be found in this function."""
    sql = "SELECT id FROM otherwise_author WHERE 1 = 1"
    if name:
        sql += " AND name = %s"
    parts = ["SELECT id FROM otherwise_author"]
    parts.append("WHERE ifnull(rank, 0) = 1")
    return (
        rows(sql, name),  # -- not executed
        rows(" ".join(parts)),  # -- not executed
        rows(" UNION ".join(f"SELECT id FROM {word}" for word in words)),  # -- not executed
    )


def lock_for_the_caller() -> object:
    """Ask for the caller's transaction. Nothing may be said of this function."""
    assert connection.in_atomic_block
    return Author.objects.select_for_update().get(pk=1)
