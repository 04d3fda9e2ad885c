"""What is written, and to which database, whenever Django is set up."""

import warnings
from contextlib import suppress

from django.apps import AppConfig
from django.db import DatabaseError


class ReadyConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "tests.projects.ready"
    label = "ready"

    def ready(self) -> None:
        # The table is not there before the first migrate. Django warns of the habit; projects have it all the same.
        with suppress(DatabaseError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.get_model("Start")._default_manager.create()
