#!/usr/bin/env python
"""Django's command line, with the settings of the attribution application."""

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attribution_project.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(f"{error}: run `make .venv/ready`, then .venv/bin/python manage.py ...") from error
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
