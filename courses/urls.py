"""URLs under /cours/."""

from django.urls import path, re_path

from .views import courses, edit

app_name = "courses"

urlpatterns = [
    path("", courses.course_list, name="list"),
    re_path(r"^export\.(?P<extension>csv|xlsx)$", courses.export, name="export"),
    path("import/", courses.import_courses, name="import"),
    path("ajouter/", edit.add, name="add"),
    path("<int:pk>/", courses.detail, name="detail"),
    path("<int:pk>/modifier/", edit.edit, name="edit"),
    path("<int:pk>/donner/", edit.give, name="give"),
    path("<int:pk>/desactiver/", edit.set_active, {"active": False}, name="deactivate"),
    path("<int:pk>/reactiver/", edit.set_active, {"active": True}, name="reactivate"),
]
