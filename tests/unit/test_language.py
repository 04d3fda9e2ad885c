"""French and English: nothing that a person reads is left out of the catalogue; translations have the same values."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import migrate_to_pg
from migrate_to_pg import errors, i18n
from migrate_to_pg.i18n import duration, language_from_environment, number, pluralize, size, use_language

PACKAGE = Path(migrate_to_pg.__path__[0])
CATALOGUE = PACKAGE / "locale" / "fr" / "LC_MESSAGES" / "migrate_to_pg"
#: The function that a sentence is given to -> which of its arguments are the sentence.
MARKS = {"_": (0,), "N_": (0,), "gettext": (0,), "ngettext": (0, 1), "pluralize": (1, 2)}
#: A sentence of a template.
TRANSLATE = re.compile(r'{% translate "([^"]+)" %}')
#: A date is written in another order.
DATES = re.compile(r":%[^}]*")


def sentences() -> Iterator[tuple[str, ...]]:
    """Every sentence of the code; two where one of them is for a single thing."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
                chosen = [node.args[i] for i in MARKS[node.func.id] if i < len(node.args)]
                texts = [a.value for a in chosen if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                if texts and len(texts) == len(chosen):
                    yield tuple(texts)
    for path in PACKAGE.rglob("*.html"):
        yield from ((text,) for text in TRANSLATE.findall(path.read_text(encoding="utf-8")))


def catalogue() -> gettext.GNUTranslations:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def entries() -> dict[tuple[str, ...], list[str]]:
    """The .po file: the sentence, or the pair, -> its translations."""
    found = {}
    for block in CATALOGUE.with_suffix(".po").read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if match := re.match(r'(msg\w+(?:\[\d\])?) (".*")$', line):
                key, text = match[1], match[2]
                parts[key] = ast.literal_eval(text)
            elif line.startswith('"'):
                parts[key] += ast.literal_eval(line)
        if parts.get("msgid"):
            ids = tuple(parts[name] for name in ("msgid", "msgid_plural") if name in parts)
            found[ids] = [text for name, text in parts.items() if name.startswith("msgstr")]
    return found


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{[^{}]*\}", DATES.sub("", text)))


def test_no_sentence_has_a_word_that_only_this_code_knows() -> None:
    """One word for one thing: repaired, left out, in quarantine."""
    own = re.compile(r"\b(mend(s|ed|ing)?|set(s|ting)? aside|fates?|roads?|standings?)\b", re.IGNORECASE)
    assert [text for texts in sentences() for text in texts if own.search(DATES.sub("", text))] == []


def test_every_sentence_has_a_french_one() -> None:
    known = {text for ids in entries() for text in ids}
    assert {text for texts in sentences() for text in texts} - known == set()


def test_no_translation_is_left_of_a_sentence_that_is_gone() -> None:
    said = {text for texts in sentences() for text in texts}
    assert {text for ids in entries() for text in ids} - said == set()


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    compiled = catalogue()
    for (one, *several), translations in entries().items():
        if several:
            assert [compiled.ngettext(one, several[0], n) for n in (1, 2)] == translations
        else:
            assert compiled.gettext(one) == translations[0]


def test_no_translation_is_empty_and_each_has_the_values_of_its_sentence() -> None:
    wrong = [
        (ids, text)
        for ids, translations in entries().items()
        for text in translations
        if not text or placeholders(text) != placeholders(" ".join(ids))
    ]
    assert wrong == []


#: A plain space before or after these would let a line end there, and an apostrophe is not typed straight.
NOT_FRENCH = re.compile(
    r" [:;!?»](?=[\s.,)…\\]|$)|« |\b(?:[ldnsjmtc]|qu|jusqu|lorsqu|puisqu)'(?=[a-zéèêàâîôûhœ{%«])", re.IGNORECASE
)
#: The page says it as the first one did.
AS_IT_WAS = "Erreur lors de la création de l'attribution"


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.parent.glob("*/locale/fr/LC_MESSAGES/*.po")), ids=lambda path: path.parts[-5]
)
def test_french_is_set_as_french_is(path: Path) -> None:
    """What is between backticks is code."""
    lines = re.findall(r'^(?:msgstr\S* )?"(.*)"$', re.sub(r"^msgid.*$", "", path.read_text("utf-8"), flags=re.M), re.M)
    assert len(lines) > 10
    texts = [re.sub(r"`[^`]*`", "", line) for line in lines if AS_IT_WAS not in line]
    assert [text for text in texts if NOT_FRENCH.search(text)] == []


def test_spaces_and_lines_around_are_those_of_the_sentence() -> None:
    def edges(text: str) -> tuple[bool, bool, int]:
        return text[:1].isspace(), text[-1:].isspace(), text.count("\n")

    wrong = [
        (ids, text)
        for ids, translations in entries().items()
        for text in translations
        # French puts a space before a semicolon that English begins with.
        if not ids[0].startswith(";") and edges(text) != edges(ids[0])
    ]
    assert wrong == []


def test_the_message_of_no_error_is_an_english_template_in_french() -> None:
    """f-strings cannot be translated: none is given to an error, a finding or a failure."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                given = [*node.args, *(k.value for k in node.keywords if k.arg in ("remedy", "explanation", "message"))]
                parts = [part for whole in given for part in ast.walk(whole)]
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in vars(errors) or name in ("finding", "Failure"):
                    wrong += [f"{path.name}:{a.lineno}" for a in parts if isinstance(a, ast.JoinedStr) and prose(a)]
    assert wrong == []


def test_what_an_error_says_is_asked_of_the_catalogue() -> None:
    """A literal that is handed over as it is stays English in a French run."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                given = [k.value for k in node.keywords if k.arg in ("remedy", "explanation", "message")]
                given += node.args if name in vars(errors) else []
                texts = [text for one in given for text in literals(one)]
                wrong += [
                    f"{path.name}:{a.lineno}" for a in texts if len(re.findall(r"[A-Za-z]{3,}", str(a.value))) > 1
                ]
    assert wrong == []


def literals(node: ast.AST) -> Iterator[ast.Constant]:
    """The texts of an expression but for those that a function is given."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    elif not isinstance(node, ast.Call):
        for child in ast.iter_child_nodes(node):
            yield from literals(child)


def prose(text: ast.JoinedStr) -> bool:
    told = "".join(str(v.value) for v in text.values if isinstance(v, ast.Constant))
    return len(re.findall(r"[A-Za-z]{3,}", told)) > 1 and not told.startswith("CREATE")


def test_numbers_durations_and_sizes_in_french() -> None:
    with use_language("fr"):
        assert number(2_070_000) == "2\u202f070\u202f000"
        assert duration(0.314) == "0,31 s"
        assert size(1_536) == "1,5 Kio"
        assert [pluralize(n, "row", "rows") for n in (0, 1, 2)] == ["0 ligne", "1 ligne", "2 lignes"]
        assert pluralize(1_200, "row", "rows") == "1\u202f200 lignes"
    assert number(2_070_000) == "2,070,000"


def test_a_value_is_never_translated_nor_taken_for_a_template() -> None:
    with use_language("fr"):
        text = i18n.gettext("Not equal: {differences} in {tables}.", differences="rows", tables="{n}")
    assert text == "Pas égal\u00a0: rows dans {n}."


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_CA"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANGUAGE": "de:fr:en", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LANGUAGE": "", "LANG": "fr"}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language_is_that_of_the_environment(environment: dict[str, str], code: str) -> None:
    assert language_from_environment(environment) == code


def test_the_language_before_comes_back_though_something_failed() -> None:
    with pytest.raises(ZeroDivisionError), use_language("fr"):
        raise ZeroDivisionError
    assert i18n.language() == "en"


def test_the_name_of_a_test_has_at_most_eighty_characters() -> None:
    names = {
        node.name
        for path in Path(__file__).parents[1].rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert {name for name in names if len(name) > 80} == set()
