"""The list of rules, what --fix may name, and the reference made from them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import migrate_to_pg.rules
from migrate_to_pg.errors import UsageError
from migrate_to_pg.rules import BACK_RULES, RULES, accepted_rules
from migrate_to_pg.rules.docs import reference

ROOT = Path(__file__).parents[2]


def test_ids_are_unique_and_each_rule_says_everything() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.title, rule.id
        assert rule.meaning, rule.id
        assert rule.remedy, rule.id
        assert rule.repair in ("", "lossless", "lossy"), rule.id
        assert bool(rule.repair) == bool(rule.repair_description), rule.id


def test_a_rule_lives_in_a_module_and_a_test_of_its_own() -> None:
    folder = Path(migrate_to_pg.rules.__file__).parent
    declared = {path.stem: path for path in folder.rglob("*.py") if "\nRULE = " in path.read_text(encoding="utf-8")}
    assert sorted(declared) == sorted(rule.id.replace("-", "_") for rule in (*RULES, *BACK_RULES))
    for name in (rule.id.replace("-", "_") for rule in RULES):
        assert (ROOT / "tests/unit/rules" / f"test_{name}.py").exists(), name


def test_all_means_every_lossless_repair() -> None:
    assert accepted_rules(["all"]) == {rule.id for rule in RULES if rule.repair == "lossless"}
    assert accepted_rules(["dangling-foreign-key", "all"]) == accepted_rules(["all"])
    assert accepted_rules([]) == frozenset()


def test_all_does_not_mean_the_lossy_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    lossy = dataclasses.replace(RULES[1], id="lossy-one", repair="lossy")
    monkeypatch.setattr(migrate_to_pg.rules, "RULES", (*RULES, lossy))
    assert "lossy-one" not in accepted_rules(["all"])
    assert "lossy-one" in accepted_rules(["all", "lossy-one"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dangling", "--fix dangling: there is no such rule."),
        ("check-constraint", "the rule check-constraint has no repair"),
        ("", "--fix : there is no such rule."),
    ],
)
def test_a_bad_name_is_answered_with_the_good_ones(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        accepted_rules([name])
    assert said in str(caught.value)
    assert "dangling-foreign-key" in caught.value.remedy


def test_the_reference_is_up_to_date() -> None:
    page = ROOT / "docs/reference/findings.md"
    assert page.read_text(encoding="utf-8") == reference(), "python -m migrate_to_pg.rules > docs/reference/findings.md"


def test_the_reference_can_be_made_from_a_shell_and_needs_no_django() -> None:
    program = (
        "import runpy, sys; runpy.run_module('migrate_to_pg.rules', run_name='__main__');"
        " assert 'django' not in sys.modules"
    )
    page = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert page == reference()
