"""URLs under /enseignants/."""

from django.urls import path, re_path

from .views import teachers

app_name = "teachers"

urlpatterns = [
    path("", teachers.teacher_list, name="list"),
    re_path(r"^export\.(?P<extension>csv|xlsx)$", teachers.export, name="export"),
    path("import/", teachers.import_teachers, name="import"),
    path("moi/", teachers.own, name="own"),
    path("moi/decision/", teachers.own_decision, name="own_decision"),
    path("<int:pk>/", teachers.detail, name="detail"),
    path("<int:pk>/decision/", teachers.decision, name="decision"),
]
