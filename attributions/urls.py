"""URLs under /attribution/."""

from django.urls import path, re_path

from .views import assign, attribute_course, attribution_list, copy_year, dashboard, edit, teachers

app_name = "attributions"

urlpatterns = [
    path("", assign.assign, name="attribute"),
    path("cours/<int:pk>/", attribute_course.attribute_course, name="attribute_course"),
    path("parts/", assign.free_parts, name="parts"),
    path("openapi.json", assign.openapi, name="openapi"),
    path("liste/", attribution_list.attribution_list, name="list"),
    re_path(r"^liste/export\.(?P<extension>csv|xlsx)$", attribution_list.export, name="export"),
    path("liste/import/", attribution_list.import_attributions, name="import"),
    path("reconduction/", copy_year.copy_year, name="copy_year"),
    re_path(r"^ensemble/(?P<token>[0-9a-f]{16})/annuler/$", edit.undo_together, name="undo_together"),
    path("a-revoir/", dashboard.review, name="review"),
    path("tableau-de-bord/", dashboard.dashboard, name="dashboard"),
    re_path(r"^tableau-de-bord/export\.(?P<extension>csv|xlsx)$", dashboard.export, name="export_loads"),
    path("annuler/", edit.undo_several, name="undo_several"),
    path("departement/", teachers.department, name="department"),
    path("<int:pk>/", edit.detail, name="detail"),
    path("<int:pk>/modifier/", edit.edit, name="edit"),
    path("<int:pk>/deplacer/", edit.move, name="move"),
    path("<int:pk>/remplacer/", edit.replace, name="replace"),
    path("<int:pk>/retirer/", edit.remove, name="remove"),
    path("<int:pk>/annuler/", edit.undo, name="undo"),
]
