"""Where Stripe delivers to us; the endpoints are made and replaced by a command."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from djstripe.models import WebhookEndpoint

from accounts.backoffice import cells
from payments.admin.stripe_objects import StripeObjectAdmin
from payments.stripe import endpoints


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(StripeObjectAdmin):
    """Stripe's webhook endpoints: one of our own account, one of connected ones."""

    rank = 90
    list_display = ("kind", "identity", "status", "until", "address", "version", "made")
    page = (*list_display, "events")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """This will leave the secret where it is."""
        rows: QuerySet[WebhookEndpoint] = super().get_queryset(request).defer("secret")
        return rows

    @admin.display(description="Of")
    def kind(self, row: WebhookEndpoint) -> str:
        return endpoints.kind_of(row.metadata) or "made elsewhere"

    @admin.display(description="Replaced, and goes on until")
    def until(self, row: WebhookEndpoint) -> SafeString | str:
        return cells.moment(endpoints.until_of(row.metadata))

    @admin.display(description="Address")
    def address(self, row: WebhookEndpoint) -> str:
        # The rest is what nobody else can guess.
        address: str = row.url
        return address.replace(str(row.djstripe_uuid), f"{str(row.djstripe_uuid)[:8]}…")

    @admin.display(description="Version")
    def version(self, row: WebhookEndpoint) -> str:
        return row.api_version or cells.EMPTY

    @admin.display(description="Events")
    def events(self, row: WebhookEndpoint) -> SafeString:
        return cells.pretty(sorted(row.enabled_events))
