"""Addresses under /attribution/."""

from django.urls import path

from . import views

app_name = "attributions"

urlpatterns = [
    path("", views.attribution_list, name="list"),
]
