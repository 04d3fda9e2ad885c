"""URLs under /cours/."""

from django.urls import path, re_path

from . import views

app_name = "courses"

urlpatterns = [
    path("", views.course_list, name="list"),
    re_path(r"^export\.(?P<extension>csv|xlsx)$", views.export, name="export"),
    path("import/", views.import_courses, name="import"),
    path("<int:pk>/", views.detail, name="detail"),
]
