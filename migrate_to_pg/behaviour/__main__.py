"""Write docs/reference/behaviour.md of the rules to standard output: ``python -m migrate_to_pg.behaviour``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from migrate_to_pg.behaviour.rules import RULES, BehaviourRule

_HEAD = """\
# Behaviour

What an application does otherwise on PostgreSQL, although every row is equal. `manage.py pg_behaviour` looks for it.
This page is made from the rules: `python -m migrate_to_pg.behaviour > docs/reference/behaviour.md`.

A finding names a line or a model, what each database answers, and how sure it is:

- **seen**: both databases were asked the same, and answered otherwise;
- **confirmed**: the code or the model allows it, and PostgreSQL or the rows show a case of it;
- **hint**: the code or the model allows it. Nothing was tried. A hint never changes the exit status.

| Rule | |
|---|---|
"""


def reference() -> str:
    """Return the page, with an entry for each rule."""
    rules = [RULES[name] for name in sorted(RULES)]
    index = "".join(f"| [{rule.id}](#{rule.id}) | {rule.title} |\n" for rule in rules)
    return _HEAD + index + "".join("\n" + "\n\n".join(_entry(rule)) + "\n" for rule in rules)


def _entry(rule: BehaviourRule) -> Iterator[str]:
    yield f"## {rule.id}"
    yield f"**{rule.title}.** {rule.meaning}"
    yield f"Example: {rule.example}"
    yield f"What to write: {rule.instead}"
    if rule.detection:
        yield f"How it is found: {rule.detection}"


if __name__ == "__main__":
    sys.stdout.write(reference())
