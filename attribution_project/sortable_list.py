"""Sort, filter and paginate a query by the query string of the URL.

A subquery finds the keys of the page, so that the last page of millions of rows does not join all those before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that the list can be sorted by: its key in the URL and its fields."""

    key: str
    label: "StrOrPromise"
    fields: tuple[str, ...]
    css: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column's heading: the link that sorts by it, and the current order."""

    label: "StrOrPromise"
    css: str
    address: str
    #: "ascending", "descending" or "none": the values of aria-sort.
    sorted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedPage:
    """One page of a list."""

    rows: list[Any]
    page: "Page[Any]"
    pages: list[Any]
    headings: list[Heading]
    #: The query string without the page: "q=sol&sort=-code".
    query: str


def sorted_page(
    request: HttpRequest,
    query: QuerySet[Any],
    columns: list[Column],
    *,
    related: tuple[str, ...] = (),
    added: Mapping[str, Any] | None = None,
) -> SortedPage:
    """Sort by ``?sort=`` (descending with ``-`` in front), and return the page that ``?page=`` names.

    Args:
        request: with the query string.
        query: the rows of all pages.
        columns: those that the list can be sorted by.
        related: relations that the page shows.
        added: annotations that the page shows, computed for its rows alone.
    """
    ordered = sorted_query(request, query, columns)
    page = Paginator(ordered.values("pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    found = query.model._default_manager.filter(pk__in=page.object_list)
    rows = found.select_related(*related).annotate(**(added or {}))
    return SortedPage(
        rows=list(rows.order_by(*ordered.query.order_by) if ordered.query.order_by else rows),
        page=page,
        pages=list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)),
        headings=[_heading(request.GET, one, request.GET.get("sort", "")) for one in columns],
        query=query_string(request.GET, page=None),
    )


def sorted_query(request: HttpRequest, query: QuerySet[Any], columns: list[Column]) -> QuerySet[Any]:
    """Sort by ``?sort=``, or leave the order as it is without a column of this name."""
    asked = request.GET.get("sort", "")
    column = {column.key: column for column in columns}.get(asked.removeprefix("-"))
    return query.order_by(*_ordering(column, descending=asked.startswith("-"))) if column else query


def _ordering(column: Column, *, descending: bool) -> list[str]:
    signs = [f"-{name}" if descending else name for name in column.fields]
    # Rows that are equal in this column need an order, or a row might appear on two pages.
    return [*signs, "pk"]


def _heading(given: QueryDict, column: Column, asked: str) -> Heading:
    up, down = asked == column.key, asked == f"-{column.key}"
    return Heading(
        label=column.label,
        css=column.css,
        address=f"?{query_string(given, page=None, sort=f'-{column.key}' if up else column.key)}",
        sorted="ascending" if up else "descending" if down else "none",
    )


def query_string(given: QueryDict, **change: str | None) -> str:
    """Return the query string with some values changed. None removes a name."""
    copy = given.copy()
    for name, value in change.items():
        if value is None:
            copy.pop(name, None)
        else:
            copy[name] = value
    return copy.urlencode()


def equality_condition(given: Mapping[str, str], fields: Mapping[str, str]) -> Q:
    """Return the condition that fields equal their values in the query string: {"department": "course__department"}."""
    values = {field: given.get(name, "").replace("\x00", "") for name, field in fields.items()}
    return Q(**{field: value for field, value in values.items() if value})
