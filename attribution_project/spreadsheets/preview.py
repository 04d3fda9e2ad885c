"""Keep the rows of a preview in its form, signed, until they are accepted. The server keeps nothing."""

from dataclasses import asdict
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _

from .plan import Plan
from .reading import Sheet, UnusableFileError
from .resources import KeyedResource

ACCEPT_WITHIN_SECONDS = 3600


def sign(resource: KeyedResource, plan: Plan, user: Any) -> str:
    """Return the rows and what the database held of them, or "" if a row has a fault."""
    if plan.counts["invalid"]:
        return ""
    return signing.dumps([user.pk, asdict(plan.sheet), plan.digest], salt=_salt(resource), compress=True)


def loads(resource: KeyedResource, token: str, user: Any) -> tuple[Sheet, str]:
    """Return the rows and the digest of a token of this user and table. Raise UnusableFileError for any other."""
    try:
        owner, sheet, digest = signing.loads(token, salt=_salt(resource), max_age=ACCEPT_WITHIN_SECONDS)
    except signing.BadSignature as error:
        raise UnusableFileError(_("This preview is too old: please send the file again.")) from error
    if owner != user.pk:
        raise UnusableFileError(_("This preview is too old: please send the file again."))
    return Sheet(**sheet), digest


def _salt(resource: KeyedResource) -> str:
    return f"import.{resource.table}.{getattr(resource, 'year', '')}"
