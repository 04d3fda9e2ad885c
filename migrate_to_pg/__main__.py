"""Run the command as ``python -m migrate_to_pg``, or print how to run it."""

from __future__ import annotations

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import language_from_environment, use_language
from migrate_to_pg.management.commands.migrate_to_pg import Command
from migrate_to_pg.management.console import error_lines


def _stop(message: str) -> None:
    remedy = _(
        'Add "migrate_to_pg" to INSTALLED_APPS, then run: python manage.py migrate_to_pg --help. Or set'
        " DJANGO_SETTINGS_MODULE to the project's settings."
    )
    sys.stderr.write("\n".join(error_lines(message, remedy=remedy, assurance=_("Nothing was published."))) + "\n")
    sys.exit(2)


def main() -> None:
    """Run the command, or print how to run it."""
    name = os.environ.get("DJANGO_SETTINGS_MODULE")
    with use_language(language_from_environment()):
        if not name:
            _stop(_("This is a command of Django's manage.py, and no project is named."))
        try:
            django.setup()
        except (ImportError, ImproperlyConfigured) as error:
            _stop(_("The settings {name!r} cannot be used: {error}", name=name, error=error))
    Command().run_from_argv(["python -m", "migrate_to_pg", *sys.argv[1:]])


if __name__ == "__main__":
    main()
