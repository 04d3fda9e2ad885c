"""The CHECK constraints of this project, by their names."""

from django.db.models import F, Q
from django.db.models.functions import Abs, Coalesce, Length, Lower, Mod, Upper
from django.db.models.lookups import Exact, LessThanOrEqual

CHECKS: dict[str, Q | Exact | LessThanOrEqual] = {
    # Of these SQLite is certain.
    "between": Q(n__range=(0, 100)),
    "negated": ~Q(kind__in=["bad", "worse"]),
    "either": Q(low__isnull=True) | Q(low__lte=F("n")),
    "simple": Q(code__regex="^[A-Z]{2}[0-9]{2}$"),
    # These are PostgreSQL's.
    "regex": Q(slug__regex=r"^[a-z]+(-[a-z]+)*$"),
    "any_case": Q(kind__icontains="k"),
    "length": LessThanOrEqual(Length("title"), 10),
    "lower": Exact(F("email"), Lower("email")),
    "upper": Exact(F("code"), Upper("code")),
    "abs": LessThanOrEqual(Abs("shift"), 12),
    "coalesce": Q(n__gte=Coalesce("low", "shift")),
    "mod": Exact(Mod("even", 2), 0),
    "year": Q(at__year__gte=2000),
    "json": Q(data__state="new"),
    "order": Q(title__gte="a"),
}
