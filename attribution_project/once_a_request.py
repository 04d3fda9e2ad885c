"""Ask the database once a request for what several parts of a page need, such as the list of years."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_P = ParamSpec("_P")
_R = TypeVar("_R")
#: What was asked for in the request that is answered now, or None outside of a request.
_answers: ContextVar[dict[Any, Any] | None] = ContextVar("answers", default=None)


def remember_answers(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Middleware that begins each request without answers, and forgets them at its end."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = _answers.set({})
        try:
            return get_response(request)
        finally:
            _answers.reset(token)

    return middleware


def once_a_request(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Keep what a function returns until the request ends. Only for what no request both changes and shows."""

    @wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        answers = _answers.get()
        if answers is None:
            return function(*args, **kwargs)
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in answers:
            answers[key] = function(*args, **kwargs)
        return cast(_R, answers[key])

    return wrapper
