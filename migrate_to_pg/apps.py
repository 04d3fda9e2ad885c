"""Register the system checks with Django. There is no model and no migration."""

import sys
import time
from types import ModuleType

from django.apps import AppConfig
from django.conf import settings

#: When this process began to work, in the time of ``perf_counter``: imports are what it did until now. The system's own
#: record would count whatever waited in a shell that became this process by exec.
BEGAN = time.perf_counter() - time.process_time()


class MigrateToPgConfig(AppConfig):
    """Make the commands and the system checks available, at no cost for a web worker."""

    name = "migrate_to_pg"
    verbose_name = "migrate_to_pg"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        """Record the state of the databases before the ready() of any application, where one of the commands runs."""
        super().__init__(app_name, app_module)
        if "migrate_to_pg" in sys.argv[1:2] or "sqlite_doctor" in sys.argv[1:2]:
            from migrate_to_pg.sqlite import source_files

            source_files.record_state(settings.DATABASES.values())

    def ready(self) -> None:
        """Register the system checks. They import what they need when they run."""
        from migrate_to_pg import checks  # noqa: F401
