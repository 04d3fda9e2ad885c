"""An address whose view says nothing about who may call it."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from attribution_project.urls import handler403, handler500
from attribution_project.urls import urlpatterns as those_of_the_project

__all__ = ["handler403", "handler500", "urlpatterns"]


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse("secret")


urlpatterns = [path("forgotten/", forgotten), *those_of_the_project]
