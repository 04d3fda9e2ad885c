"""The model Elsewhere lives in the database 'other', all else in 'default'."""

from django.db.models import Model


class Elsewhere:
    def db_for_read(self, model: type[Model], **hints: object) -> str | None:
        return "other" if model._meta.model_name == "elsewhere" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: object) -> bool:
        return (db == "other") == (model_name == "elsewhere")
