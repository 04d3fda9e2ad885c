"""URLs under /bureau/."""

from django.urls import path

from . import views

app_name = "office"

urlpatterns = [path("", views.office_settings, name="settings")]
