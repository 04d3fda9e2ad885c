"""Fill the library with names in all cases, gaps and ties."""

from datetime import UTC, datetime

from django.contrib.auth.models import User

from .models import Label, Member, Work, Writer

NAMES = ["Martin", "martin", "Émile", "émile", "Zoé", "Anna", "anna", "Ωmega"]


def fill() -> None:
    User.objects.create(username="anna")
    Writer.objects.bulk_create(
        Writer(
            name=NAMES[number % len(NAMES)],
            born=None if number % 4 == 0 else 1900 + number % 7,
            code=str(number),
            alive=number % 2 == 0,
            seen=datetime(2025, 1 + number % 12, 1, 23, 30, tzinfo=UTC),
            data={"z": 1, "name": "q", "n": number if number % 2 else str(number)},
            fee=number / 10,
        )
        for number in range(60)
    )
    writers = list(Writer.objects.order_by("id"))
    Work.objects.bulk_create(
        Work(writer=writers[number % 60] if number % 9 else None, title="t" * (number % 5 + 1), pages=number % 8)
        for number in range(300)
    )
    Member.objects.bulk_create(
        Member(name=f"member {number}", api_token=f"hunter2-{number}", rank=number if number % 4 else None)
        for number in range(20)
    )
    Label.objects.bulk_create(Label(object_id=str(number), text="l") for number in range(40))
