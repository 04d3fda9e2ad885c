"""The settings of the office: one row, for administrators."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from office.models import OfficeSettings
from tests.app.conftest import browser_of

pytestmark = pytest.mark.django_db
PAGE = "/bureau/"


def test_without_settings_the_defaults_hold_and_nothing_is_stored() -> None:
    settings = OfficeSettings.load()
    assert settings.may_exceed_hours is False
    assert [settings.weight_of(component) for component in ("CM", "TD", "TP")] == [Fraction(3, 2), 1, 1]
    assert not OfficeSettings.objects.exists()


def test_an_administrator_sets_them_and_an_outdated_form_is_refused(account: Callable[..., User]) -> None:
    browser = browser_of(account("administrateur"))
    seen = browser.get(PAGE).context["form"]["version"].value()
    typed = {
        "version": seen,
        "institution": "Faculté des sciences",
        "tp_weight": "2/3",
        "code_scope": "institution",
        "reference": "S/{year}/{matricule}",
    }
    refused = browser.post(PAGE, typed | {"reference": "{nom}"})
    assert refused.status_code == 400
    assert "Seuls {year} et {matricule}" in refused.content.decode()
    assert browser.post(PAGE, typed).status_code == 302
    assert OfficeSettings.load().weight_of("TP") == Fraction(2, 3)
    assert OfficeSettings.load().reference_of("2026-2027", "M1") == "S/2026-2027/M1"
    outdated = browser.post(PAGE, typed | {"institution": "Autre"})
    assert outdated.status_code == 400
    assert "quelqu’un d’autre" in outdated.content.decode().lower()
    assert OfficeSettings.load().institution == "Faculté des sciences"


def test_the_database_holds_one_row_alone() -> None:
    OfficeSettings(pk=1).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        OfficeSettings(pk=2).save()
