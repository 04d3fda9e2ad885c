"""Change one's own password; for administrators: new passwords for others, and an end to locks."""

import logging
from typing import Any

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ..accent_search import search_condition
from ..account_admin import may_manage
from ..permissions import ROLE_NAMES, UserRequest, open_to_users, requires
from ..sortable_list import PAGE_SIZE, query_string
from ..throttle import waiting_addresses

logger = logging.getLogger(__name__)
_MANAGE = "auth.change_user"


class OwnPasswordView(PasswordChangeView):
    """Ask for the old password and the new one."""

    template_name = "password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: Any) -> HttpResponse:
        """Store the password, and stay logged in here alone."""
        response = super().form_valid(form)
        messages.success(self.request, _("Your password is changed. Other devices have to log in again."))
        return response


own_password = open_to_users(OwnPasswordView.as_view())


@requires(_MANAGE)
@require_safe
def accounts(request: UserRequest) -> HttpResponse:
    """Show the accounts, which of them are locked, and the addresses that have to wait."""
    locked = AccessAttempt.objects.filter(
        username=OuterRef("username"),
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT,
        attempt_time__gte=timezone.now() - settings.AXES_COOLOFF_TIME,
    )
    words = search_condition(request.GET.get("q", ""), "username", "last_name", "first_name")
    found = get_user_model().objects.filter(words).annotate(locked=Exists(locked))
    page = Paginator(found.prefetch_related("groups").order_by("-locked", "username"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    for account in page:
        vars(account)["roles"] = [ROLE_NAMES.get(group.name, group.name) for group in account.groups.all()]
    context = {
        "page": page,
        "pages": list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)),
        "query": query_string(request.GET, page=None),
        "addresses": waiting_addresses(),
    }
    return render(request, "accounts.html", context)


@sensitive_post_parameters()
@requires(_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: UserRequest, pk: int) -> HttpResponse:
    """Give somebody a new password, which ends their sessions and their lock."""
    account = _managed(request, pk)
    form = SetPasswordForm(account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        reset(username=account.get_username())
        logger.warning("%s gave %s a new password", request.user.pk, account.pk)
        messages.success(request, _("%(user)s has a new password.") % {"user": account.get_username()})
        return redirect("accounts:list")
    status = 400 if form.is_bound else 200
    return render(request, "password.html", {"form": form, "account": account}, status=status)


@requires(_MANAGE)
@require_POST
def unlock(request: UserRequest, pk: int) -> HttpResponse:
    """Forget the wrong passwords for an account, from every address."""
    account = _managed(request, pk)
    reset(username=account.get_username())
    logger.warning("%s unlocked %s", request.user.pk, account.pk)
    messages.success(request, _("%(user)s may log in again.") % {"user": account.get_username()})
    return redirect("accounts:list")


@requires(_MANAGE)
@require_POST
def release_address(request: HttpRequest) -> HttpResponse:
    """Forget the wrong passwords from an address."""
    address = request.POST.get("address", "")
    if address in waiting_addresses():
        reset(ip=address)
        logger.warning("%s released the address %s", request.user.pk, address)
        messages.success(request, _("%(address)s may try again.") % {"address": address})
    return redirect("accounts:list")


def _managed(request: UserRequest, pk: int) -> User:
    """Return an account that has no right which the user lacks. Raise PermissionDenied for others."""
    account: User = get_object_or_404(get_user_model(), pk=pk)
    if not may_manage(request.user, account):
        raise PermissionDenied
    return account
