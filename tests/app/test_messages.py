"""Every message has its French, and the committed .mo files are those of the .po files."""

import gettext
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("attribution_project", "attributions", "courses")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
ENTRY = re.compile(r'^msgid "(.+)"\n(?:msgid_plural "(.+)"\n)?((?:msgstr(?:\[\d\])? ".*"\n?)+)', re.MULTILINE)


def entries(app: str) -> dict[tuple[str, str], list[str]]:
    """Return (msgid, msgid_plural or "") -> translations of a .po file, one line each as --no-wrap writes them."""
    text = (
        (ROOT / app / "locale/fr/LC_MESSAGES/django.po").read_text(encoding="utf-8").replace('\\"', "\N{DOUBLE PRIME}")
    )
    found = {
        (plain(one), plain(several)): [
            plain(told) for told in re.findall(r'^msgstr\S* "(.*)"$', told_lines, re.MULTILINE)
        ]
        for one, several, told_lines in ENTRY.findall(text)
    }
    assert len(found) == text.count("\nmsgid ") - 1 > 5
    return found


def plain(text: str) -> str:
    return text.replace("\N{DOUBLE PRIME}", '"')


def source_messages(app: str) -> set[str]:
    """Return what the app's code and templates ask to translate, found without gettext's tools."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    found = {message for text in texts for message in re.findall(r'\b(?:_|ngettext)\(\s*"([^"]+)"', text)}
    for path in (ROOT / app).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        found |= {match[1] for match in re.findall(r"{% translate (['\"])(.+?)\1", text)}
        blocks = re.findall(r"{% blocktranslate(?: .*?)? %}(.+?)(?:{% plural %}.+?)?{% endblocktranslate %}", text)
        found |= {re.sub(r"{{ (\w+) }}", r"%(\1)s", block) for block in blocks}
    return found


@pytest.mark.parametrize("app", APPS)
def test_every_message_of_the_code_is_in_the_catalogue(app: str) -> None:
    assert source_messages(app) - {one for one, _several in entries(app)} == set()


@pytest.mark.parametrize("app", APPS)
def test_no_message_lacks_a_translation_or_a_placeholder(app: str) -> None:
    for (one, several), translations in entries(app).items():
        assert len(translations) == (2 if several else 1)
        for message, translation in zip((one, several or one), translations, strict=False):
            assert translation, message
            if not several:
                assert sorted(PLACEHOLDER.findall(message)) == sorted(PLACEHOLDER.findall(translation)), message
            assert set(PLACEHOLDER.findall(translation)) <= set(PLACEHOLDER.findall(one + several)), message


@pytest.mark.parametrize("app", APPS)
def test_the_compiled_messages_answer_every_message(app: str) -> None:
    with (ROOT / app / "locale/fr/LC_MESSAGES/django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for (one, several), translations in entries(app).items():
        if several:
            assert [compiled.ngettext(one, several, n) for n in (1, 2)] == translations
        else:
            assert [compiled.gettext(one)] == translations
