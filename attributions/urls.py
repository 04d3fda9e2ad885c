"""Addresses under /attribution/."""

app_name = "attributions"
urlpatterns = []
