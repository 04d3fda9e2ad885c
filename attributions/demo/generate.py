"""Generate teachers, courses and attributions from a seed, as tuples in the order of the model's columns.

Each kind of row has its own random generator, seeded by a text. So one more teacher changes no course, and the result
depends neither on the machine nor on the time.
"""

import datetime
import math
import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from attributions.models import Component, Load, ShareRole, Title

from .vocabulary import ADJUNCTS, DEPARTMENTS, FEMININE, FIRST_NAMES, LAST_NAMES, NOTES

Row = tuple[Any, ...]

#: Attributions reach back this many years at most.
MAX_YEARS = 100
#: The share of each year's parts that is attributed, where there is a choice.
FILL_RATE = 0.8
MAX_COURSES = 500_000
#: Digit in the code -> level. Level 2 comes first, so that the first course of all is AGV211, Agrostologie.
LEVELS = {2: "L2", 1: "L1", 3: "L3", 4: "M1", 5: "M2"}
GRADES = (
    ("PR", "192.00"),
    ("MCF", "192.00"),
    ("PRAG", "384.00"),
    ("ATER", "192.00"),
    ("VAC", "187.50"),
)
HOURS = tuple(Decimal(hours) for hours in ("12.00", "15.00", "18.00", "20.25", "24.00", "30.00", "36.50", "13.33"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The numbers of rows, and the seed."""

    teachers: int
    courses: int
    attributions: int
    seed: int
    #: The last academic year begins in this calendar year.
    last_year: int = 2026


@dataclass(frozen=True, slots=True)
class Part:
    """One component of one course."""

    course: int
    component: str
    hours: Decimal
    department: str


def stream(sizes: Sizes, name: str) -> random.Random:
    """Return the random generator of one kind of row."""
    return random.Random(f"{sizes.seed}/{name}")  # noqa: S311 - invented data, not secrets


def teachers(sizes: Sizes) -> Iterator[Row]:
    """Yield the teachers: id, matricule, names, grade, department, e-mail, maximum, account, address, active."""
    chance, departments = stream(sizes, "teachers"), tuple(DEPARTMENTS)
    for number in range(1, sizes.teachers + 1):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        grade, hours = chance.choice(GRADES)
        mail = f"{email_name(first)}.{email_name(last)}{number}@univ.example" if chance.random() < 0.9 else ""
        department = departments[number % len(departments)]
        title = Title.MRS if first in FEMININE else Title.MR
        yield (
            number, f"M{number:05d}", last, first, grade, department, mail, Decimal(hours), None, title.value, True,
        )  # fmt: skip


def email_name(name: str) -> str:
    """Return a name for an e-mail address, without accents, apostrophes and spaces."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())


def courses(sizes: Sizes) -> Iterator[Row]:
    """Yield the courses: id, title, credits, hours, level, semester, groups, code, department, active, code_unique."""
    chance = stream(sizes, "courses")
    digits = tuple(LEVELS)
    for index in range(sizes.courses):
        department = tuple(DEPARTMENTS)[index % len(DEPARTMENTS)]
        prefix, subjects = DEPARTMENTS[department]
        turn = index // len(DEPARTMENTS)
        level, rank = digits[turn % len(LEVELS)], turn // len(LEVELS)
        title = subjects[turn % len(subjects)] + ADJUNCTS[turn // len(subjects) % len(ADJUNCTS)]
        practice = Decimal("0.00") if chance.random() < 0.25 else chance.choice(HOURS)
        hours = (chance.choice(HOURS), chance.choice(HOURS), practice)
        code = f"{prefix}{level}{course_number(rank)}"
        content = (title, chance.randint(2, 6), *hours, LEVELS[level], 1 + rank % 2, 1, 1, 1)
        yield index + 1, *content, code, department, True, True


def course_number(rank: int) -> str:
    """Return 11, 12 ... 99, 100 ... 999, then 11A and so on: the end of the code of the rank-th course of a level."""
    letter, number = divmod(rank, 989)
    return f"{11 + number}{chr(ord('A') + letter - 1) if letter else ''}"


def parts_of(rows: Iterator[Row]) -> list[Part]:
    """Return the parts of one year: the components that have hours."""
    return [
        Part(row[0], component, hours, row[12])
        for row in rows
        for component, hours in zip(Component.values, row[3:6], strict=True)
        if hours
    ]


def academic_years(sizes: Sizes, parts_a_year: int) -> list[int]:
    """Return the years needed, oldest first. Raise ValueError if MAX_YEARS are not enough."""
    if sizes.attributions > (possible := parts_a_year * MAX_YEARS):
        raise ValueError(
            f"{sizes.attributions} attributions do not fit: {sizes.courses} courses have {parts_a_year} parts, "
            f"which makes {possible} in {MAX_YEARS} years. Ask for more courses or fewer attributions."
        )
    wanted = math.ceil(sizes.attributions / (parts_a_year * FILL_RATE)) if parts_a_year else 0
    count = min(wanted, MAX_YEARS)
    return list(range(sizes.last_year - count + 1, sizes.last_year + 1))


def attributions(sizes: Sizes, users: Sequence[int]) -> Iterator[Row]:
    """Yield exactly the number asked for, oldest year first, no part twice in a year.

    Each part is taken with the probability (still wanted / still to come). That is exact and needs no list.
    """
    chance = stream(sizes, "attributions")
    random_ = chance.random
    year_parts = parts_of(courses(sizes))
    years = academic_years(sizes, len(year_parts))
    by_department = teachers_by_department(sizes)
    everyone = range(1, sizes.teachers + 1)
    wanted, left, number = sizes.attributions, len(year_parts) * len(years), 0
    for year in years:
        label = f"{year}-{year + 1}"
        opening = datetime.datetime(year, 6, 1, 6, tzinfo=datetime.UTC)
        for part in year_parts:
            taken = random_() * left < wanted
            left -= 1
            if not taken:
                continue
            wanted -= 1
            number += 1
            colleagues = by_department.get(part.department, everyone)
            made = opening + datetime.timedelta(microseconds=int(random_() * 9e12))
            yield (
                number,
                colleagues[int(random_() * len(colleagues))],
                part.course,
                part.component,
                label,
                Load.STATUTORY.value if random_() < 0.85 else Load.OVERTIME.value,
                part.hours,
                NOTES[int(random_() * len(NOTES))] if random_() < 0.2 else "",
                users[int(random_() * len(users))] if random_() < 0.9 and users else None,
                made,
                made if random_() < 0.7 else made + datetime.timedelta(microseconds=int(random_() * 4e12)),
                "",
                ShareRole.HOLDER.value,
                0,
                None,
                None,
            )


def teachers_by_department(sizes: Sizes) -> dict[str, list[int]]:
    """Return the ids of each department's teachers."""
    found: dict[str, list[int]] = {}
    for row in teachers(sizes):
        found.setdefault(row[5], []).append(row[0])
    return found
