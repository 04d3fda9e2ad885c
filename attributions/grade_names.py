"""Write the grades that a migration made in the language of the page. Those of the office are written as they are."""

from django.utils.functional import lazy
from django.utils.translation import get_language

#: The French name that the migration stored -> the English one, for a man and for a woman.
_ENGLISH = {
    "professeur": "professor",
    "professeure": "professor",
    "maître de conférences": "senior lecturer",
    "maîtresse de conférences": "senior lecturer",
    "enseignant du second degré": "secondary-school teacher",
    "enseignante du second degré": "secondary-school teacher",
    "attaché temporaire": "temporary lecturer",
    "attachée temporaire": "temporary lecturer",
    "enseignant contractuel": "contract lecturer",
    "enseignante contractuelle": "contract lecturer",
    "doctorant contractuel": "doctoral student on contract",
    "doctorante contractuelle": "doctoral student on contract",
    "vacataire": "hourly-paid lecturer",
}


def in_language(name: str) -> str:
    """Return the name of a grade in the language of the page, or as it is if the office gave it."""
    return name if (get_language() or "fr").startswith("fr") else _ENGLISH.get(name, name)


#: The same, in the language in which it is written at last.
in_language_lazy = lazy(in_language, str)
