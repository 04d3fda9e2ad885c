"""One model for each definition: its field is called ``value``."""

from typing import Any

from django.db import models

from tests.projects.fields.definitions import FIELDS, KEYS, both, doubled, marked, members


def _model(name: str, **fields: "models.Field[Any, Any]") -> type[models.Model]:
    return type(name, (models.Model,), {"__module__": __name__, **fields})


for _name, _make in (*KEYS.items(), *FIELDS.items()):
    globals()[_name] = _model(_name, value=_make())
Doubled = _model("Doubled", value=models.IntegerField(null=True), twice=doubled())
Marked = _model("Marked", value=models.TextField(null=True), marked=marked())
Both = _model("Both", **both())
Group = _model("Group", value=models.IntegerField(null=True), members=members())
