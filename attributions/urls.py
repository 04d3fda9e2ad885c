"""Addresses under /attribution/."""

from django.urls import path, re_path

from .views import carry_over, changes, dashboard, listing, teachers, workbench

app_name = "attributions"

urlpatterns = [
    path("", workbench.workbench, name="attribute"),
    path("parts/", workbench.free_parts, name="parts"),
    path("openapi.json", workbench.openapi, name="openapi"),
    path("liste/", listing.attribution_list, name="list"),
    re_path(r"^liste/export\.(?P<extension>csv|xlsx)$", listing.export, name="export"),
    path("reconduction/", carry_over.carry_over, name="carry_over"),
    path("tableau-de-bord/", dashboard.dashboard, name="dashboard"),
    path("annuler/", changes.undo_several, name="undo_several"),
    path("departement/", teachers.department, name="department"),
    path("<int:pk>/", changes.detail, name="detail"),
    path("<int:pk>/modifier/", changes.edit, name="edit"),
    path("<int:pk>/deplacer/", changes.move, name="move"),
    path("<int:pk>/retirer/", changes.remove, name="remove"),
    path("<int:pk>/annuler/", changes.undo, name="undo"),
]
