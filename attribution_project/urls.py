"""Every address of the application."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

handler500 = "attribution_project.errors.server_error"

admin.site.site_header = admin.site.site_title = _("Attribution of courses")

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="attributions:list")),
    path("attribution/", include("attributions.urls")),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("language/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
