"""Pages that differ, pages that write, and pages that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.generic import ListView

from .models import Label, Work, Writer


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        '<a href="/writers/?q=mart">search</a> <a href="/works/1/">a work</a> <a href="//other/x">x</a>'
    )


def writers(request: HttpRequest) -> HttpResponse:
    found = Writer.objects.filter(name__contains=request.GET.get("q", "")).order_by("id")
    return HttpResponse(" ".join(writer.name for writer in found))


def work(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(Work.objects.filter(title__contains="T").order_by("id").count() or str(pk))


def template(request: HttpRequest) -> HttpResponse:
    return render(request, "library/works.html", {"works": Work.objects.order_by("title")})


@login_required
def members(request: HttpRequest) -> HttpResponse:
    Label.objects.create(object_id="1", text=str(request.user.pk))
    return HttpResponse(str(Writer.objects.filter(name__endswith="TIN").order_by("id").exists()))


async def later(request: HttpRequest) -> HttpResponse:
    number = await Writer.objects.filter(name__startswith="MART").acount()
    return HttpResponse(str(number))


def keys(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT t, name AS n FROM library_keys ORDER BY rank")
        cursor.execute("SELECT t FROM library_keys_of_sqlite WHERE t <> 'hunter2' ORDER BY rank")
        found = cursor.fetchone()
    return HttpResponse(f'<a href="/broken/{found[0]}/">{found[0]}</a>')


def broken(request: HttpRequest, token: str = "") -> HttpResponse:
    raise RuntimeError("broken")


def gone(request: HttpRequest) -> HttpResponse:
    raise Http404


if TYPE_CHECKING:
    LabelView = ListView[Label]
else:
    LabelView = ListView


class Labels(LabelView):
    model = Label
    paginate_by = 10
    template_name = "library/labels.html"


urlpatterns = [
    path("", home),
    path("writers/", writers),
    path("works/<int:pk>/", work),
    path("template/", template),
    path("members/", members),
    path("later/", later),
    path("broken/", broken),
    path("broken/<token>/", broken),
    path("keys/", keys),
    path("gone/", gone),
    path("labels/", Labels.as_view()),
]
