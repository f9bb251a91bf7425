"""The admin site of the product: staff by role, with a second factor, on pages that are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone

_View = TypeVar("_View", bound=Callable[..., Any])


class PayoutsAdminConfig(AdminConfig):
    """Django's admin with our own site."""

    default_site = "marketplace_payouts.admin.PayoutsAdminSite"


class PayoutsAdminSite(AdminSite):
    """The back office."""

    site_header = "Marketplace Payouts"
    site_title = "Marketplace Payouts"
    index_title = "What needs a person now"
    index_template = "admin/backoffice/first_page.html"
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        """This will let in active staff; with `STAFF_MFA_REQUIRED` only those who used their second factor."""
        from accounts import second_factor

        return super().has_permission(request) and second_factor.is_satisfied(request)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """This will take in pages that stand on our read-only base, and leave out all others.

        Other packages register forms of their own: django-q2's would let staff run any callable, django's would let
        them give themselves permissions, allauth's would show the seeds of second factors.
        """
        from accounts.backoffice.base import BackOfficeAdmin

        if isinstance(admin_class, type) and issubclass(admin_class, BackOfficeAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: _View, cacheable: bool = False) -> _View:
        """This will wrap a page: whoever lacks something is led to it, and times are business times."""
        inner = super().admin_view(view, cacheable)

        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated and not self.has_permission(request):
                return self._lead(request)
            with timezone.override(business_zone()):
                response: HttpResponse = inner(request, *args, **kwargs)
                if isinstance(response, TemplateResponse) and not response.is_rendered:
                    response.render()
            return response

        return cast(_View, wrapped)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """This will add the pages that belong to no model."""
        from payouts.admin import pages

        ours: list[URLPattern | URLResolver] = [
            path(route, self.admin_view(_on(self, view)), name=name) for route, view, name in pages.PAGES
        ]
        return [*ours, *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """This will say on every page which installation this is, and whether sending is stopped."""
        from django.conf import settings

        from payouts import holding

        ours = {"environment_badge": settings.ENVIRONMENT, "stopped": holding.is_stopped()}
        return super().each_context(request) | ours

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """This will lead to the page that asks for the present password and tells the person by e-mail."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """This will show what needs a person now."""
        from accounts.backoffice.base import demand
        from flexsync.admin import first_page as flex
        from payouts.admin import first_page

        demand(request, "act_view")
        context = first_page.context(request, more=flex.groups) | (extra_context or {})
        return super().index(request, context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """This will list the pages by what people do with them rather than by app."""
        known = super().get_app_list(request, app_label)
        if app_label is not None:
            return known
        return _by_section(self._registry, (entry for app in known for entry in app["models"]))

    def _lead(self, request: HttpRequest) -> HttpResponse:
        from accounts import second_factor

        if not super().has_permission(request):
            raise PermissionDenied("This account does not belong to the back office.")
        if request.method != "GET":
            raise PermissionDenied("Your session lacks the second factor; open the first page to give it.")
        messages.info(request, "The back office needs a second factor: please give the code of your app.")
        return HttpResponseRedirect(
            f"{second_factor.way_in(request)}?{urlencode({'next': request.get_full_path()})}"
        )


SECTIONS = ("Payouts", "People", "Rules", "Books", "Sending", "Sharetribe", "Stripe", "System", "Staff")


def business_zone() -> ZoneInfo:
    """This will give the business time zone: the marketplace's own, or the setting until it is known."""
    from django.conf import settings

    from accounts.models import Marketplace

    name = Marketplace.objects.values_list("time_zone", flat=True).first()
    return ZoneInfo(name or settings.BUSINESS_TIME_ZONE)


def _by_section(
    registry: dict[type[models.Model], Any], entries: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    sections: dict[str, list[dict[str, Any]]] = {name: [] for name in SECTIONS}
    for entry in sorted(entries, key=lambda one: (registry[one["model"]].rank, str(one["name"]))):
        sections[registry[entry["model"]].section].append(entry)
    return [
        {"name": name, "app_label": name.lower(), "app_url": "", "has_module_perms": True, "models": entries}
        for name, entries in sections.items()
        if entries
    ]


def _on(site: PayoutsAdminSite, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def bound(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, site=site, **kwargs)

    return bound
