"""The model Elsewhere lives in the database 'other', all else in 'default'."""


class Elsewhere:
    def db_for_read(self, model, **hints):
        return "other" if model._meta.model_name == "elsewhere" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return (db == "other") == (model_name == "elsewhere")
