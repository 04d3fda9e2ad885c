"""Queries whose answer differs on PostgreSQL, each with the rule that says why, and queries whose answer does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Avg, Case, CharField, Count, F, IntegerField, Max, OuterRef, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, Length, Lower, Now, TruncMonth, Upper

from .models import Label, Member, Work, Writer

FEATURES: dict[str, Callable[[], Any]] = {}


def says(*rules: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Name what is to be found in a function: nothing where no rule is named."""

    def remember(function: Callable[[], Any]) -> Callable[[], Any]:
        FEATURES[function.__name__] = function
        return function

    return remember


def rows(sql: str, *parameters: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


@says("like-case")
def contains() -> Any:
    return list(Writer.objects.filter(name__contains="mart").order_by("id").values_list("id"))


@says("like-case")
def like_in_sql() -> Any:
    return rows("SELECT count(*) FROM library_writer WHERE name LIKE %s", "ANNA")


@says("like-case")
def like_before_a_limit() -> Any:
    return rows("SELECT name FROM library_writer WHERE name LIKE %s ORDER BY name LIMIT 1", "anna%")


@says("json-comparison")
def ordered_by_json() -> Any:
    return list(Writer.objects.order_by("data", "id").values_list("id", flat=True))


@says("case-of-all-letters")
def icontains() -> Any:
    return Writer.objects.filter(name__icontains="ÉMILE").count()


@says("case-of-all-letters")
def lower() -> Any:
    return list(Writer.objects.annotate(l=Lower("name")).order_by("id").values_list("l", flat=True))


@says()
def icontains_of_ascii() -> Any:
    return Writer.objects.filter(name__icontains="ANNA").count()


@says("order-nulls")
def ordering_of_the_model() -> Any:
    return Writer.objects.first()


@says("order-nulls")
def descending() -> Any:
    return list(Work.objects.order_by("-writer__born", "id").values_list("id", flat=True)[:5])


@says()
def said_where_nulls_are() -> Any:
    return list(Writer.objects.order_by(F("born").asc(nulls_first=True), "id")[:5].values_list("id"))


@says("order-ties")
def ties_at_the_limit() -> Any:
    return Work.objects.filter(pages__gt=5).order_by("pages").first()


@says("order-ties")
def ties_of_all() -> Any:
    return list(Work.objects.order_by("title").values_list("id", flat=True))


@says()
def ties_decided() -> Any:
    return Work.objects.filter(pages__gt=5).order_by("pages", "pk").first()


@says("unordered")
def slice_without_order() -> Any:
    return list(Work.objects.all()[:10])


@says("unordered")
def page_without_order() -> Any:
    pages: Any = Paginator(Work.objects.filter(pages__gt=3).order_by(), 10)
    return list(pages.page(2))


@says("unordered")
def subquery_without_order() -> Any:
    titles = Work.objects.filter(writer=OuterRef("pk")).values("pages")[:1]
    return list(Writer.objects.annotate(t=Subquery(titles)).order_by("id").values_list("t", flat=True))


@says()
def slice_that_holds_all() -> Any:
    return len(Work.objects.filter(id__lt=5)[:10])


@says()
def one_row() -> Any:
    return Work.objects.filter(title="t").exists(), Label.objects.filter(pk=1).count()


@says("compared-types")
def generic_key() -> Any:
    return Label.objects.filter(object_id__in=Work.objects.values("id")).count()


@says("compared-types")
def text_is_number() -> Any:
    return rows("SELECT count(*) FROM library_writer WHERE code = 7")


@says("compared-types")
def boolean_is_number() -> Any:
    return rows("SELECT count(*) FROM library_writer WHERE alive = 1")


@says("literal-of-another-type")
def coalesce_mixed() -> Any:
    mixed = Coalesce("born", Value("none"), output_field=CharField())
    return list(Writer.objects.annotate(x=mixed).order_by("id").values_list("x", flat=True))


@says("unknown-function")
def ifnull() -> Any:
    return rows("SELECT ifnull(born, 0) FROM library_writer ORDER BY id LIMIT 3")


@says("unknown-function")
def length_of_number() -> Any:
    return list(Writer.objects.annotate(l=Length("rank")).order_by("id").values_list("l", flat=True)[:3])


@says("group-by")
def not_grouped() -> Any:
    return rows("SELECT writer_id, title, count(*) FROM library_work GROUP BY writer_id ORDER BY writer_id")


@says("double-quoted-text")
def double_quotes() -> Any:
    return rows('SELECT count(*) FROM library_writer WHERE name = "Martin"')


@says("sqlite-syntax")
def backticks() -> Any:
    return rows("SELECT count(*) FROM `library_writer`")


@says("sqlite-syntax")
def insert_or_ignore() -> Any:
    return rows("INSERT OR IGNORE INTO library_label (id, object_id, text, \"onShelf\") VALUES (1, '1', 'x', 0)")


@says("unknown-column")
def alias_in_where() -> Any:
    return rows("SELECT pages * 2 AS twice FROM library_work WHERE twice > 10 ORDER BY id LIMIT 3")


@says("unknown-column")
def capital_without_quotes() -> Any:
    return rows("SELECT onShelf FROM library_label WHERE id = 1")


@says("sqlite-catalogue")
def pragma() -> Any:
    return rows("PRAGMA table_info(library_work)")


@says("python-regex")
def named_group() -> Any:
    return Writer.objects.filter(name__regex=r"(?P<first>An)").count()


@says("division-by-zero")
def divided() -> Any:
    return list(Work.objects.annotate(d=100 / F("pages")).order_by("id").values_list("d", flat=True))


@says("raw-value-type")
def sum_in_sql() -> Any:
    return rows("SELECT sum(fee) FROM library_writer")


@says("raw-value-type")
def time_in_sql() -> Any:
    return rows("SELECT max(seen) FROM library_writer")


@says("function-meaning")
def random_in_where() -> Any:
    return rows("SELECT count(*) FROM library_writer WHERE abs(random()) > 10")


@says("json-key-order")
def keys_of_json() -> Any:
    return [list(writer.data) for writer in Writer.objects.filter(id__lt=4).order_by("id")]


@says()
def other_fields_of_rows_with_json() -> Any:
    return [writer.name for writer in Writer.objects.filter(id__lt=4).order_by("id")]


@says("json-comparison")
def json_compared() -> Any:
    return Writer.objects.filter(data__n__gt=5).count()


@says("lock-without-transaction")
def lock() -> Any:
    return list(Work.objects.select_for_update().filter(id=1))


@says()
def lock_that_asks_for_a_transaction() -> Any:
    assert connection.in_atomic_block
    return list(Work.objects.select_for_update().filter(id=1))


@says("lock-without-transaction", "locked-join")
def lock_of_a_join() -> Any:
    return list(Work.objects.select_related("writer").select_for_update().filter(id=1))


@says("integer-range")
def too_large() -> Any:
    return Writer.objects.create(name="x", rank=70_000, seen=datetime(2026, 1, 1, tzinfo=UTC)).pk


@says("integer-range")
def too_large_in_an_update() -> Any:
    return Writer.objects.filter(name="nobody").update(rank=70_000)


@says("nul-character")
def nul() -> Any:
    return Writer.objects.create(name="x", note="a\x00b", seen=datetime(2026, 1, 1, tzinfo=UTC)).pk


@says("text-length")
def too_long() -> Any:
    two = [Writer(name=name, seen=datetime(2026, 1, 1, tzinfo=UTC)) for name in ("short", "x" * 30)]
    return Writer.objects.bulk_create(two)


@says("explicit-key")
def key_by_hand() -> Any:
    return Label.objects.create(pk=7_000, object_id="1", text="x").pk, Label.objects.create(object_id="2", text="y").pk


@says()
def key_of_a_deleted_row_again() -> Any:
    label = Label.objects.create(object_id="3", text="x")
    key = label.pk
    label.delete()
    Label.objects.create(pk=key, object_id="3", text="x")
    return Label.objects.create(object_id="4", text="y").pk


def compared_with_a_key() -> Any:
    if connection.features.has_native_uuid_field:
        return Writer.objects.filter(id__in=Label.objects.values(key=Cast("object_id", IntegerField())))
    return Writer.objects.filter(id__in=Label.objects.values("object_id"))


@says("compared-types")
def built_for_sqlite_by_a_branch() -> Any:
    return list(compared_with_a_key().order_by("id"))


@says("other-error")
def rows_of_an_update() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE library_label SET text = 'x' WHERE id = -1")
        return cursor.fetchall()


@says("last-row-id")
def last_row_id() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO library_label (object_id, text, \"onShelf\") VALUES ('1', 'x', 0)")
        return cursor.lastrowid


@says()
def sql_for_one_vendor() -> Any:
    if connection.vendor == "sqlite":
        return rows("SELECT sqlite_version()")
    return rows("SELECT version()")


@says("raw-value-type")
def sql_for_both_vendors() -> Any:
    if connection.vendor == "sqlite":
        return rows("SELECT avg(pages) FROM library_work")
    return rows("SELECT avg(pages) FROM library_work")


@says()
def rows_whose_order_is_lost() -> Any:
    return Writer.objects.in_bulk([1, 2, 3])


@says("order-nulls")
def secrets_by_other_names_in_sql() -> Any:
    rows("SELECT api_token AS t FROM library_member ORDER BY rank")
    rows("SELECT m.api_token t FROM library_member m ORDER BY m.rank")
    rows("SELECT * FROM (SELECT api_token AS x, rank FROM library_member) q ORDER BY rank")
    rows("WITH q AS (SELECT api_token AS x, rank FROM library_member) SELECT x FROM q ORDER BY rank")
    rows("SELECT '' AS x, 9 AS rank UNION SELECT api_token, rank FROM library_member ORDER BY rank")
    rows("SELECT upper(api_token) AS u FROM library_member ORDER BY rank")
    rows("SELECT 'key ' || api_token AS u, rank FROM library_member WHERE api_token <> 'hunter2' ORDER BY rank")
    return rows("SELECT (SELECT max(api_token) FROM library_member) AS u, name FROM library_member ORDER BY rank")


@says("order-nulls")
def secrets_by_other_names() -> Any:
    members = Member.objects.order_by("rank")
    list(members.annotate(t=F("api_token")).values_list("t", flat=True)[:5])
    list(members.annotate(t=Upper("api_token")).values("t")[:5])
    list(members.annotate(t=Concat("api_token", Value("x"))).values("t", "id")[:5])
    list(members.extra(select={"zz": "api_token"}).values("zz")[:5])
    return list(members)


@says("order-nulls")
def another_column_beside_a_secret() -> Any:
    return rows(
        "SELECT m.name AS n, p, p || 'x' FROM (SELECT id, api_token AS p FROM library_member) q"
        " JOIN library_member m ON m.id = q.id ORDER BY m.rank"
    )


@says("double-quoted-text", "literal-of-another-type")
def secrets_in_what_postgresql_refuses() -> Any:
    rows('SELECT name AS n, api_token AS t FROM library_member WHERE api_token <> "hunter2"')
    return rows("SELECT sum(CAST(api_token AS integer)) AS t, max(api_token) AS u FROM library_member")


@says()
def healthy() -> Any:
    months = Writer.objects.annotate(m=TruncMonth("seen")).values("m").annotate(n=Count("id")).order_by("m")
    return [
        list(months),
        Writer.objects.aggregate(Sum("fee"), Avg("born"), Max("name")),
        Writer.objects.filter(seen__date="2025-03-01", seen__lt=Now()).count(),
        Writer.objects.exclude(born__in=[1901, 1902]).count(),
        list(Writer.objects.annotate(c=Cast("code", CharField())).order_by("id").values_list("c")),
        list(Writer.objects.annotate(f=Case(When(born=None, then=1), default=0)).filter(f=True).order_by("id")),
        list(Work.objects.order_by("id").iterator(chunk_size=10)),
        list(Writer.objects.order_by("id").prefetch_related("work_set")),
        list(Writer.objects.raw("SELECT * FROM library_writer WHERE id < 4 ORDER BY id")),
        Writer.objects.order_by("?").first(),
        Writer.objects.filter(pk=1).explain(),
        list(Work.objects.values("pages").distinct()),
        list(Work.objects.filter(id=1).order_by().union(Work.objects.filter(id=2).order_by())),
        rows("SELECT data FROM library_writer ORDER BY id"),
    ]
