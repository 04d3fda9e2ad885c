"""Make a program for manage.py shell that creates secretaries, teachers and courses, and opens years.

Nothing is attributed yet. The program prints, as JSON, a session key for each secretary, the parts that are free as
[course, component], and the teachers as matricule -> name.
"""

from __future__ import annotations

_PROGRAM = """
import json
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from attributions.models import Teacher
from attributions.free_parts import FreeParts, PartFilter
from courses.course_years import add_courses
from courses.models import AcademicYear
call_command("make_demo_data", teachers={teachers}, courses={courses}, attributions=0, verbosity=0)
Teacher.objects.update(max_hours=9999)
for label in {years!r}:
    AcademicYear.objects.update_or_create(label=label, defaults={{"open": True}})
    add_courses(label)
sessions = []
for number in range({secretaries}):
    user = get_user_model().objects.create(username=f"secretaire{{number}}")
    user.groups.add(Group.objects.get(name="secretariat"))
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "attribution_project.authentication.Backend"
    session.save()
    sessions.append(session.session_key)
parts = [(part.code, part.component) for course in FreeParts({years!r}[0], PartFilter()) for part in course][:{parts}]
print(json.dumps([sessions, parts, {{teacher.matricule: str(teacher) for teacher in Teacher.objects.all()}}]))
"""


def program(*, secretaries: int, teachers: int, courses: int, parts: int, years: list[str]) -> str:
    """Return the program. It needs a migrated and empty database. The free parts are those of the first year."""
    return _PROGRAM.format(secretaries=secretaries, teachers=teachers, courses=courses, parts=parts, years=years)
