"""URLs under /annees/."""

from django.urls import path

from .views import years

app_name = "years"

urlpatterns = [
    path("", years.years, name="list"),
    path("ouvrir/", years.open_next, name="open_next"),
    path("<int:pk>/<slug:action>/", years.change_year, name="change"),
]
