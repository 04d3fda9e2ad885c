# mypy: disable-error-code="type-arg"
"""Lists of books and authors."""

from django.urls import path
from django.views.generic import ListView

from tests.projects.otherwise.models import Author, Book


class Books(ListView):  # -> unordered
    """Pages of books in no order."""

    model = Book
    paginate_by = 10


class Authors(ListView):  # -> order-ties
    """Pages of authors by a name that several have."""

    model = Author
    ordering = ("name",)
    paginate_by = 10


class Ordered(ListView):
    """Pages in an order."""

    queryset = Book._default_manager.order_by("pk")
    paginate_by = 10


urlpatterns = [path("books", Books.as_view()), path("authors", Authors.as_view()), path("ordered", Ordered.as_view())]
