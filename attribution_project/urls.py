"""URLs of the application."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.i18n import set_language

from . import account_admin
from .permissions import open_to_everybody
from .views import accounts, database, health, home, import_history

handler400 = "attribution_project.views.errors.bad_request"
handler403 = "attribution_project.views.errors.forbidden"
handler404 = "attribution_project.views.errors.not_found"
handler500 = "attribution_project.views.errors.server_error"

account_admin.register()
admin.site.site_header = admin.site.site_title = _("Attribution of courses")

imports = [
    path("", import_history.imports, name="list"),
    path("<int:pk>/", import_history.detail, name="detail"),
    path("<int:pk>/annuler/", import_history.take_back_import, name="take_back"),
]

accounts_urls = [
    path("", accounts.accounts, name="list"),
    path("mot-de-passe/", accounts.own_password, name="own_password"),
    path("adresses/", accounts.release_address, name="release_address"),
    path("<int:pk>/mot-de-passe/", accounts.set_password, name="set_password"),
    path("<int:pk>/deverrouiller/", accounts.unlock, name="unlock"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("attribution/", include("attributions.urls")),
    path("enseignants/", include("attributions.urls_teachers")),
    path("cours/", include("courses.urls")),
    path("annees/", include("courses.urls_years")),
    path("bureau/", include("office.urls")),
    path("comptes/", include((accounts_urls, "accounts"))),
    path("imports/", include((imports, "imports"))),
    path("base-de-donnees/", database.database_page, name="database"),
    path("healthz", health.healthz, name="healthz"),
    path("livez", health.livez, name="livez"),
    path("login/", open_to_everybody(auth_views.LoginView.as_view(redirect_authenticated_user=True)), name="login"),
    path("logout/", open_to_everybody(auth_views.LogoutView.as_view()), name="logout"),
    path("language/setlang/", open_to_everybody(set_language), name="set_language"),
    path("admin/", admin.site.urls),
]
