"""Find comparisons of values of two types, which PostgreSQL refuses."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="compared-types",
    title=N_("Values of two types are compared or mixed"),
    meaning=(
        "SQLite compares and mixes values of any types. PostgreSQL wants one type: text = integer, boolean ="
        " integer and a CASE of text and number are errors. A generic key whose object_id is text is the usual"
        " case."
    ),
    example=(
        "Tag.objects.filter(object_id__in=Book.objects.values('id')), where object_id is text: operator does"
        " not exist: character varying = bigint."
    ),
    instead=N_(
        "Cast one side: Cast('column', CharField()) in the ORM, CAST(column AS varchar) in SQL. Write a"
        " boolean column alone, not column = 1."
    ),
    detection=(
        "PostgreSQL's error, SQL and querysets in the code that it is asked to prepare, and generic keys of the models."
    ),
    sqlstates=("42883", "42804", "42846"),
    pattern="operator does not exist|cannot be matched|must be type|is of type|cannot cast",
)
