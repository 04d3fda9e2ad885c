"""Every message has its French, and the committed .mo files are those of the .po files."""

import gettext
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("attribution_project", "attributions", "courses")
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def entries(app):
    """Return msgid -> msgstr of a .po file, one line each as makemessages --no-wrap writes them."""
    text = (ROOT / app / "locale/fr/LC_MESSAGES/django.po").read_text(encoding="utf-8")
    found = dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', text, re.MULTILINE))
    assert len(found) == text.count("\nmsgid ") - 1 > 5
    return {key.replace('\\"', '"'): value.replace('\\"', '"') for key, value in found.items()}


def source_messages(app):
    """Return what the app's code and templates ask to translate, found without gettext's tools."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    found = {message for text in texts for message in re.findall(r'\b_\(\s*"([^"]+)"', text)}
    for path in (ROOT / app).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        found |= {match[1] for match in re.findall(r"{% translate (['\"])(.+?)\1", text)}
        for block in re.findall(r"{% blocktranslate[^%]*%}(.+?){% endblocktranslate %}", text):
            found.add(re.sub(r"{{ (\w+) }}", r"%(\1)s", block))
    return found


@pytest.mark.parametrize("app", APPS)
def test_every_message_of_the_code_is_in_the_catalogue(app):
    assert source_messages(app) - entries(app).keys() == set()


@pytest.mark.parametrize("app", APPS)
def test_no_message_lacks_a_translation_or_a_placeholder(app):
    for message, translation in entries(app).items():
        assert translation, message
        assert sorted(PLACEHOLDER.findall(message)) == sorted(PLACEHOLDER.findall(translation)), message


@pytest.mark.parametrize("app", APPS)
def test_the_compiled_messages_answer_every_message(app):
    with (ROOT / app / "locale/fr/LC_MESSAGES/django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert {message: compiled.gettext(message) for message in entries(app)} == entries(app)
