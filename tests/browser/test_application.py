"""The page of attributions as a secretary uses it, on both databases, on a phone and at a desk."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import fits


def log_in(page: Page, application) -> None:
    page.goto(f"{application.address}/attribution/")
    page.get_by_label("Nom d’utilisateur").fill("secretaire")
    page.get_by_label("Mot de passe").fill("demo")
    page.locator("main").get_by_role("button").click()
    expect(page.get_by_role("heading", name="Attribuer un cours")).to_be_visible()


def attribute(page: Page) -> None:
    form = page.locator("form.fields")
    form.locator("[name=course]").select_option(label=first_option(page, "course", "AGV211"))
    form.locator("[name=component]").select_option("CM")
    form.locator("[name=teacher]").select_option(index=1)
    form.locator("[name=academic_year]").fill("2026-2027")
    form.locator("[name=hours]").fill("20")
    form.get_by_role("button").click()


def first_option(page: Page, name: str, text: str) -> str:
    labels = page.locator(f"form.fields [name={name}] option").all_inner_texts()
    return next(label for label in labels if text in label)


def test_a_secretary_logs_in_attributes_a_course_and_is_told_of_a_conflict(application, page):
    log_in(page, application)
    assert fits(page)
    attribute(page)
    expect(page.get_by_text(re.compile("AGV211 CM est attribué à"))).to_be_visible()
    attribute(page)
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    expect(alert).to_contain_text("AGV211")
    assert fits(page)


def test_the_language_can_be_switched(application, page):
    log_in(page, application)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Attribute a course")).to_be_visible()
