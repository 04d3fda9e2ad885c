"""Accounts and groups in the admin, where nobody grants a right that they lack.

Without this anybody who may change accounts could make themselves a superuser, or give a superuser a new password.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin  # generic in the stubs alone


def may_manage(actor: Any, account: Any) -> bool:
    """Return whether an account has no right that the actor lacks."""
    if actor.is_superuser:
        return True
    # Those of an inactive account count as well: it may be activated again.
    rights = Permission.objects.filter(Q(user=account) | Q(group__user=account))
    return not account.is_superuser and not rights.exclude(pk__in=own_permissions(actor)).exists()


def own_permissions(actor: Any) -> QuerySet[Permission]:
    """Return the permissions that the actor has, and so may grant."""
    if actor.is_superuser:
        return Permission.objects.all()
    return Permission.objects.filter(Q(user=actor) | Q(group__user=actor)).distinct()


def own_groups(actor: Any) -> QuerySet[Group]:
    """Return the groups that grant nothing which the actor lacks."""
    if actor.is_superuser:
        return Group.objects.all()
    own = Count("permissions", filter=Q(permissions__in=own_permissions(actor)), distinct=True)
    return Group.objects.annotate(all=Count("permissions", distinct=True), own=own).filter(all=F("own"))


class _NoMoreThanOwnRights:
    """Mixin of the two admins: permissions and groups to choose from are those that the user may grant."""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        if db_field.name in ("user_permissions", "permissions"):
            field.queryset = field.queryset.filter(pk__in=own_permissions(request.user))
        elif db_field.name == "groups":
            field.queryset = field.queryset.filter(pk__in=own_groups(request.user).values("pk"))
        return field


class AccountAdmin(_NoMoreThanOwnRights, _UserAdmin):
    """Accounts. Those with rights that the user lacks can be looked at alone."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse an account that has a right which the user lacks."""
        return super().has_change_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse an account that has a right which the user lacks."""
        return super().has_delete_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show whether the account is a superuser, and let superusers alone change it."""
        own = super().get_readonly_fields(request, obj)
        return own if request.user.is_superuser else (*own, "is_superuser")

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave deletion in bulk to superusers: it asks about no single account."""
        found = super().get_actions(request)
        if not request.user.is_superuser:
            found.pop("delete_selected", None)
        return found


class RoleAdmin(_NoMoreThanOwnRights, GroupAdmin):  # type: ignore[misc]
    """Groups. Those with rights that the user lacks can be looked at alone."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse a group that has a right which the user lacks."""
        return super().has_change_permission(request, obj) and (
            obj is None or own_groups(request.user).filter(pk=obj.pk).exists()
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse a group that has a right which the user lacks."""
        return super().has_delete_permission(request, obj) and (
            obj is None or own_groups(request.user).filter(pk=obj.pk).exists()
        )


def register() -> None:
    """Put these in the place of Django's own."""
    admin.site.unregister([User, Group])
    admin.site.register(User, AccountAdmin)
    admin.site.register(Group, RoleAdmin)
