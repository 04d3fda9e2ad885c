"""What tells a share from others of its part, as text."""

from typing import Any

from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .models import ShareRole


def period(share: Any) -> str:
    """Return the dates of a share, or "" for the whole year."""
    starts, ends = (date_format(day, "SHORT_DATE_FORMAT") if day else "" for day in (share.starts_on, share.ends_on))
    if starts and ends:
        return f"{starts} – {ends}"
    if starts:
        return _("from %(day)s") % {"day": starts}
    return _("until %(day)s") % {"day": ends} if ends else ""


def marks(share: Any) -> SafeString:
    """Return group, role and period of a share, or of a record of its history, where they are not the usual ones."""
    group = _("group %(n)s") % {"n": share.group} if share.group else ""
    role = "" if share.role == ShareRole.HOLDER else dict(ShareRole.choices).get(share.role, share.role)
    return format_html_join("", " <small>{}</small>", ((mark,) for mark in (group, role, period(share)) if mark))
