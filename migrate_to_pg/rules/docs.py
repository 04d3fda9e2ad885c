"""Document the rules: an index by id, a page for --explain, and docs/reference/findings.md."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level
from migrate_to_pg.rules import BACK_RULES, RULES, names_rows
from migrate_to_pg.rules.back.notes import BACK_NOTES
from migrate_to_pg.rules.base import Rule
from migrate_to_pg.rules.doctor_findings import DOCTOR_RULES
from migrate_to_pg.rules.run_findings import RUN_RULES
from migrate_to_pg.system.usage import did_you_mean

_HEAD = """\
# Findings

The faults that `migrate_to_pg` looks for before it loads anything: each rule, its effect on PostgreSQL, and what to do.
This page is made from the rules: `python -m migrate_to_pg.rules > docs/reference/findings.md`.

An **error** stops the run; a **warning** does not. All faults are found in one run, each with its table, its column,
the exact number of rows, up to five of them by primary key and value, its cause and the next step.

A **repair** is accepted with `--fix RULE`. `--fix lossless` (also `--fix all`) accepts the lossless ones; `--fix lossy`
every one that keeps the row, lossless or not. One is lossless where the installed Django reads the same from PostgreSQL
afterwards as it reads from SQLite now. A repair that writes what a value only seems to mean (the text 'true' in a
boolean column, from which Django reads False) is lossy. A merge makes one row of two: it must be named (`--fix
merge-duplicates`). Each repair is tried on the rows that were found, and a finding says how many of them it repairs. A
repair edits a private copy, never the source, and every changed cell is recorded with its old and its new value. Only
tables with a primary key are edited, but neither primary keys nor generated columns. A value without a new one is
unchanged, and its finding remains.

**Quarantine** leaves rows out of PostgreSQL. It is accepted with `--quarantine RULE` for the rules about rows that
PostgreSQL cannot take, which are marked below. After every accepted repair, the rows that are still at fault are left
out and kept complete, and so are the rows that refer to them. With `--fix foreign-key-orphan` a key that may be NULL is
set to NULL instead, and its row stays. `--quarantine all` takes no row that any repair would keep, accepted or not:
such a row blocks the run until its repair is accepted with `--fix`, or its rule is named with `--quarantine`.

With `--check`, and in `sqlite_doctor`, no server is asked: PostgreSQL's tables are those expected from the models as of
the applied migrations. A run with a target examines again, against the tables themselves, what only a server knows:
columns, constraints and indexes that RunSQL or RunPython make, domains, exclusion constraints, and whether a collation
is deterministic.

| Rule | Level | Repair | Quarantine | |
|---|---|---|---|---|
"""
_RUN = """
# Findings of the run itself

| Rule | Level | Repair | Quarantine | |
|---|---|---|---|---|
"""
_BACK = """
# Findings of the way back

`manage.py migrate_from_pg` asks PostgreSQL for these before it writes a row.

| Rule | Level | Repair | Quarantine | |
|---|---|---|---|---|
"""
_DOCTOR = """
# Findings of sqlite_doctor alone

`manage.py sqlite_doctor` looks for all of the above, and for the following reasons why the application fails on SQLite
itself.

| Rule | Level | Repair | Quarantine | |
|---|---|---|---|---|
"""


def reference() -> str:
    """Return the page docs/reference/findings.md, with an entry for each rule."""
    text = ""
    for head, rules in (
        (_HEAD, RULES),
        (_RUN, RUN_RULES),
        (_DOCTOR, DOCTOR_RULES),
        (_BACK, (*BACK_RULES, *BACK_NOTES)),
    ):
        text += head
        for rule in rules:
            quarantine = "yes" if names_rows(rule) else "no"
            text += (
                f"| [{rule.id}](#{rule.id}) | {rule.level} | {rule.repair or 'none'} | {quarantine} | {rule.title} |\n"
            )
        text += "".join("\n" + "\n\n".join(_entry(rule)) + "\n" for rule in rules)
    return text


def rules_by_id() -> dict[str, Rule]:
    """Return each rule under its id, and under the name of its repair."""
    rules: tuple[Rule, ...] = (*RULES, *RUN_RULES, *DOCTOR_RULES, *BACK_RULES, *BACK_NOTES)
    return {rule.repair_name: rule for rule in rules if rule.repair_name} | {rule.id: rule for rule in rules}


def page(name: str) -> str:
    """Return a rule's entry: the faults it finds, their meaning, the next step.

    Raises:
        UsageError: there is no such rule.
    """
    rules = rules_by_id()
    if name not in rules:
        raise UsageError(
            _("{option} {name}: there is no such rule.", option="--explain", name=name),
            remedy=did_you_mean(name, rules, _("Known: {known}.", known=", ".join(sorted(rules)))),
        )
    return "\n\n".join(_entry(rules[name]))


def _entry(rule: Rule) -> Iterator[str]:
    is_error = rule.level is Level.ERROR
    if rule in DOCTOR_RULES:
        effect = "Exit status 1." if is_error else "Exit status 0 where there is nothing worse."
    else:
        effect = "Stops the run." if is_error else "Does not stop the run."
    yield f"## {rule.id}"
    yield f"**{rule.title}.** Level: {rule.level}. {effect}"
    yield rule.meaning
    yield f"What to do: {rule.remedy}"
    if rule.repair:
        yield f"Repair `--fix {rule.repair_name or rule.id}` ({rule.repair}): {rule.repair_description}"
    if names_rows(rule):
        where = "SQLite" if rule in BACK_RULES else "PostgreSQL"
        left = "the values" if getattr(rule, "rows_stay", False) else "the rows, and those that refer to them,"
        yield f"Quarantine `--quarantine {rule.id}`: leaves {left} out of {where}."
