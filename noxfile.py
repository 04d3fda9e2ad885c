"""The built wheel with every Django that it serves, in environments of their own: ``make test-wheel``."""

import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).parent
nox.options.default_venv_backend = "uv"
#: Django -> every Python that it supports and we do.
PYTHONS = {
    "4.2": ("3.11", "3.12"),
    "5.0": ("3.11", "3.12"),
    "5.1": ("3.11", "3.12", "3.13"),
    "5.2": ("3.11", "3.12", "3.13", "3.14"),
    "6.0": ("3.12", "3.13", "3.14"),
    "6.1": ("3.12", "3.13", "3.14"),
}
#: All of them, as .github/workflows/ci.yml tries them.
COMBINATIONS = [(python, django) for django, pythons in PYTHONS.items() for python in pythons]
#: Tried by ``make test-wheel``. The others need minutes each, and more Pythons than most machines have.
USUAL = [
    ("3.11", "4.2"), ("3.11", "5.0"), ("3.11", "5.1"), ("3.11", "5.2"), ("3.12", "5.2"), ("3.12", "6.0"),
    ("3.13", "6.1"),
]  # fmt: skip
nox.options.sessions = [*(f"wheel({python}-{django})" for python, django in USUAL), "others"]
OTHERS = (
    "django-taggit", "django-reversion", "django-waffle", "django-oauth-toolkit", "django-celery-beat", "wagtail",
)  # fmt: skip


def _try(session: nox.Session, django: str, others: tuple[str, ...] = ()) -> None:
    place = Path(session.create_tmp()).resolve()
    shutil.rmtree(place / "tests", ignore_errors=True)
    session.run("uv", "build", "--quiet", "--wheel", "--out-dir", str(place / "dist"), str(ROOT), external=True)
    wheel = next((place / "dist").glob("*.whl"))
    session.install(f"{wheel}[embedded,behaviour]", f"django=={django}.*", "pytest", *others)
    (place / "tests").mkdir()
    (place / "tests" / "__init__.py").touch()
    shutil.copy(ROOT / "tests" / "preloaded.py", place / "tests")
    for part in ("projects", "wheel"):
        shutil.copytree(ROOT / "tests" / part, place / "tests" / part)
    shutil.copy(ROOT / "docs" / "tutorial.md", place / "tests" / "wheel")
    session.chdir(place)
    session.run(
        "python", "-m", "pytest", "-q", "-s", "-c", "/dev/null", "--rootdir", str(place), "-p", "no:cacheprovider",
        str(place / "tests" / "wheel"), env={"OTHERS": " ".join(others), "START_COLD": "1"},
    )  # fmt: skip


@nox.session
@nox.parametrize(("python", "django"), [nox.param(*pair, id="-".join(pair)) for pair in COMBINATIONS])
def wheel(session: nox.Session, django: str) -> None:
    """One Django on one Python."""
    _try(session, django)


@nox.session(python="3.11")
def others(session: nox.Session) -> None:
    """Applications that people use."""
    _try(session, "5.2", OTHERS)


@nox.session(python="3.13")
def newest_here(session: nox.Session) -> None:
    """Tests of this checkout, named after ``--``, with the newest Django: ``make test-full``."""
    session.install("--require-hashes", "-r", "requirements/dev.txt")
    session.install("django==6.1.*")
    session.run("python", "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-m", "not full", *session.posargs)
