"""Limit the size of a request's body before anything of it is read, logged in or not."""

import io
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from .permissions import View
from .views.errors import too_large

#: The limit of every address. 200 parts in JSON are 20 kB.
MAX_KILOBYTES = 256
#: The limit of a file to import, which the page names.
SHEET_MEGABYTES = 1
#: The file and its form, or the rows of its preview, which are signed text.
_MAX_BYTES_WITH_SHEET = 2 * SHEET_MEGABYTES * 1_000_000

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def accepts_sheet(view: View) -> View:
    """Allow the view to receive a file to import."""
    view.takes_a_sheet = True  # type: ignore[attr-defined]
    return view


class Limit(MiddlewareMixin):
    """Middleware that answers 413 by Content-Length, before the CSRF middleware reads the body."""

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Return None to continue, or the refusal."""
        sheet = hasattr(view, "takes_a_sheet")
        length = request.META.get("CONTENT_LENGTH") or "0"
        # Django reads nothing if the header is no number.
        if not length.isdecimal() or int(length) <= (_MAX_BYTES_WITH_SHEET if sheet else MAX_KILOBYTES * 1000):
            return None
        if sheet:
            return too_large(request, sheet_too_large_message())
        return too_large(request, _("At most %(n)d kB can be sent to this address.") % {"n": MAX_KILOBYTES})


def sheet_too_large_message() -> str:
    """Return the message for a file that is too large."""
    return _("The file is larger than %(n)d MB: please split it.") % {"n": SHEET_MEGABYTES}


def with_content_length(application: Wsgi) -> Wsgi:
    """Set the Content-Length of a chunked body, of which Django itself would read nothing.

    Reads at most one byte more than any view accepts.
    """

    def measuring(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read(_MAX_BYTES_WITH_SHEET + 1)
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return measuring
