"""Refuse a project with geometry: SpatiaLite stores it in a format that PostGIS does not read."""

from __future__ import annotations

from django.apps import apps

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _

#: Fields that a message names.
_SHOWN = 5


def require_no_geometry() -> None:
    """Raise UsageError where an installed model has a GeoDjango field."""
    # The module of the field cannot be imported without GDAL.
    fields = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if hasattr(field, "geom_type")
    ]
    if fields:
        raise UsageError(
            _("Geometry is not served: SpatiaLite and PostGIS keep it in different forms."),
            detail=[*fields[:_SHOWN], *(["..."] if len(fields) > _SHOWN else [])],
            remedy=_(
                "Move this project with manage.py dumpdata and loaddata, which write geometry as text, or its layers"
                " with ogr2ogr."
            ),
        )
