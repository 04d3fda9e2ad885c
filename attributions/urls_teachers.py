"""URLs under /enseignants/."""

from django.urls import path, re_path

from .views import discharges, edit_teacher, letters, teachers

app_name = "teachers"

urlpatterns = [
    path("", teachers.teacher_list, name="list"),
    re_path(r"^export\.(?P<extension>csv|xlsx)$", teachers.export, name="export"),
    path("decisions/", letters.department_letters, name="letters"),
    path("import/", teachers.import_teachers, name="import"),
    path("ajouter/", edit_teacher.add, name="add"),
    path("moi/", teachers.own, name="own"),
    path("moi/decision/", letters.own_decision, name="own_decision"),
    path("<int:pk>/", teachers.detail, name="detail"),
    path("<int:pk>/modifier/", edit_teacher.edit, name="edit"),
    path("<int:pk>/desactiver/", edit_teacher.set_active, {"active": False}, name="deactivate"),
    path("<int:pk>/reactiver/", edit_teacher.set_active, {"active": True}, name="reactivate"),
    path("<int:pk>/decharges/", discharges.discharges, name="discharges"),
    path("decharges/<int:pk>/retirer/", discharges.remove_discharge, name="remove_discharge"),
    path("<int:pk>/decision/", letters.decision, name="decision"),
]
