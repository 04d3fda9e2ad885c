"""Signals that invent rows and stop whoever makes one."""

import sys

from django.apps import AppConfig
from django.db.models import Model
from django.db.models.signals import post_init, post_migrate, post_save, pre_save


def refuse(sender: type[Model], raw: bool = False, **rest: object) -> None:
    if sender.__module__.startswith("tests.projects.unruly") and not raw:
        raise RuntimeError(f"a signal of {sender.__name__} was sent")


def invent(sender: object, using: str, **rest: object) -> None:
    from django.db import connections

    if "migrate_to_pg" in sys.argv:
        raise RuntimeError("post_migrate was sent")
    with connections[using].cursor() as cursor:
        cursor.execute("INSERT INTO unruly_tag (name, object_id) VALUES ('invented', 1)")


class UnrulyConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "tests.projects.unruly"
    label = "unruly"

    def ready(self) -> None:
        for signal in (pre_save, post_save, post_init):
            signal.connect(refuse)
        post_migrate.connect(invent, sender=self)
