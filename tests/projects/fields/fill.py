"""Save random values through the ORM: ``python -m tests.projects.fields.fill EXAMPLES [NAME ...]``."""

from __future__ import annotations

import random
import sys
from typing import Any

import django
from django.apps import apps
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

BATCH = 500


def drawn(strategy: st.SearchStrategy[Any], examples: int) -> list[Any]:
    """That many examples; hypothesis looks for edges, and here the same ones each time."""
    found: list[Any] = []

    @seed(examples)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def keep(value: Any) -> None:
        found.append(value)

    keep()
    # A small range is exhausted sooner.
    chance = random.Random(examples)  # noqa: S311 - the same in each run
    return found + [chance.choice(found) for _ in range(examples - len(found))]


def main(examples: int, names: list[str]) -> None:
    """Keys first: others refer to them."""
    from tests.projects.fields.values import KEY_VALUES, VALUES

    for name, strategy in KEY_VALUES.items():
        if not names or name in names:
            save(name, [{"value": value} for value in dict.fromkeys(drawn(strategy, examples))])
    for name, strategy in VALUES.items():
        if not names or name in names:
            save(name, [{"value": value} for value in [None, *drawn(strategy, examples)]])
    if not names:
        refer(examples)


def save(name: str, rows: list[dict[str, Any]]) -> None:
    model = apps.get_model("fields", name)
    model.objects.bulk_create([model(**row) for row in rows], batch_size=BATCH)


def refer(examples: int) -> None:
    for name in ("Text", "Date", "Decimal"):
        parents = list(apps.get_model("fields", f"{name}Key").objects.values_list("pk", flat=True))
        save(f"To{name}", [{"value_id": parents[number % len(parents)]} for number in range(examples)])
    texts, dates = (apps.get_model("fields", f"{name}Key").objects.all() for name in ("Text", "Date"))
    save("Both", [{"code": text.pk, "day": date.pk} for text, date in zip(texts, dates, strict=False)])
    uuids, groups = (apps.get_model("fields", name).objects.all() for name in ("UUIDKey", "Group"))
    save("ToUUID", [{"value_id": parent.pk} for parent in uuids])
    for group in groups[:examples]:
        group.members.add(*uuids[group.pk % 7 :: 31])


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]), sys.argv[2:])
