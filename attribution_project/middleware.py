"""Set the language of each request, and the Content-Security-Policy of each response."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from .permissions import wants_json
from .views.errors import not_found


def user_language(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Use French unless the user chose another language at the foot of the page.

    Django's LocaleMiddleware would follow the browser's Accept-Language. Half of a French secretariat's computers have
    English as default, so the same page would appear in two languages.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        wanted = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = wanted if wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

    return middleware


#: All content comes from this server, without inline scripts or styles. No other page may frame it.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
#: Django's page for an exception in development is one file with its own styles and scripts.
_DEBUG_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'self'"
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Add the headers that restrict what a page may load and use. Django sets the other security headers."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        of_django = settings.DEBUG and response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        of_django = of_django and not hasattr(response, "of_the_application")
        policy = _DEBUG_PAGE_POLICY if of_django else CONTENT_SECURITY_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return middleware


def own_not_found_page(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Show the application's page for a 404 in development, too: Django's has styles that the policy forbids."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if settings.DEBUG and response.status_code == HTTPStatus.NOT_FOUND and not wants_json(request):
            return not_found(request)
        return response

    return middleware
