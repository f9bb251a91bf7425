"""The base of every page: seen by role, changed by nobody; what changes anything is an act with a page of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from accounts import roles
from accounts.backoffice.paging import BoundedPaginator
from marketplace_payouts.lib.ids import uuid_or_none


def may(request: HttpRequest, act: str) -> bool:
    """This will tell whether whoever asks may do the act by one of their roles; being a superuser is not one."""
    user = request.user
    return user.is_authenticated and roles.may(user, act)


def demand(request: HttpRequest, act: str) -> None:
    """This will let the request pass, or refuse it with the sentence that names the roles that may.

    :raises PermissionDenied: when none of the person's roles covers the act.
    """
    user = request.user
    if not user.is_authenticated or not roles.may(user, act):
        raise PermissionDenied(str(roles.NotAllowed(user if user.is_authenticated else None, act)))


class BackOfficeAdmin(admin.ModelAdmin[Any]):
    """A list and a page per row, both read-only."""

    needs_to_view: ClassVar[str] = "act_view"
    section: ClassVar[str] = "System"
    """The heading that the list stands under."""
    rank: ClassVar[int] = 50
    """Its place under the heading; the lower the nearer to the top."""

    page: ClassVar[tuple[Any, ...]] = ()
    """What a row's own page shows."""

    actions = None
    ordering: ClassVar[Any] = ("-pk",)
    paginator: ClassVar[Any] = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the list under the name of what it lists."""
        title = capfirst(str(self.opts.verbose_name_plural))
        response: HttpResponse = super().changelist_view(request, {"title": title} | (extra_context or {}))
        return response

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will give what a row's own page shows beside its fields."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """This will draw the row's page with what belongs to it."""
        context: dict[str, Any] = {}
        # Anything but looking is refused, and a page that is not shown need not be gathered.
        if request.method == "GET" and self.has_view_permission(request):
            row = self.get_object(request, unquote(object_id))
            context = self.page_context(request, row) if row is not None else {}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, context | (extra_context or {})
        )
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """This will find a row by its own id in every list, else by what the list searches."""
        wanted = uuid_or_none(search_term.strip())
        if wanted is not None and isinstance(self.opts.pk, models.UUIDField):
            own = queryset.filter(pk=wanted)
            if own.exists():
                return own, False
        found: tuple[models.QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
        return found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """This will show what the page is made of."""
        return self.page

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """This will let nothing be typed."""
        return self.page

    def has_module_permission(self, request: HttpRequest) -> bool:
        """This will let the role decide."""
        return may(request, self.needs_to_view)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """This will let the role decide, whatever `is_superuser` says."""
        return may(request, self.needs_to_view)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """This will refuse: rows are made by services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """This will refuse: rows are changed by services."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """This will refuse: nothing is deleted here."""
        return False
