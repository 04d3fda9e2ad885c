"""/healthz: whether this process can serve, for a load balancer or a container; no secret in it."""

from collections.abc import Callable
from http import HTTPStatus

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .access import open_to_everybody


@open_to_everybody
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 with the engine when the database answers and has every migration, else 503."""
    connection = connections[DEFAULT_DB_ALIAS]
    answer = {"status": "ok", "database": connection.vendor, "migrations": "applied"}
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            answer |= {"status": "unavailable", "migrations": "missing"}
    except Error:
        answer |= {"status": "unavailable", "migrations": "unknown"}
    healthy = answer["status"] == "ok"
    return JsonResponse(answer, status=HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE)


def answer_whoever_asks(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: /healthz is answered under any name; a container or a load balancer asks by an address."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return healthz(request) if request.path == reverse("healthz") else get_response(request)

    return middleware
