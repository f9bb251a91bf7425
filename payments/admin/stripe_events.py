"""What Stripe tells us, and where it does: its events until they are worked off, and our webhook endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from djstripe.models import WebhookEndpoint

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, NothingToSay, Outcome
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import days_filter, is_set_filter, word_filter
from payments.models import StripeDelivery
from payments.stripe import endpoints, inbox


class WorkOffAgain(Act):
    """Reads again what events are about that were given up, or wait."""

    name, label, needs = "work_off_again", "Work off again", "act_replay"
    done_word = "To be worked off again"
    form_class = NothingToSay

    def fits(self, row: StripeDelivery) -> str:
        if row.state in (StripeDelivery.State.NEW, StripeDelivery.State.DEAD):
            return ""
        return "There is nothing left to do about it."

    def will(self, rows: Sequence[StripeDelivery]) -> list[str]:
        told = "what the event is about" if len(rows) == 1 else f"what {len(rows):,} events are about"
        return [f"Read {told} from Stripe again, from the first try. Nothing is written to Stripe."]

    def perform(self, doing: Doing) -> Outcome:
        return Outcome(done=list(inbox.work_off_again(doing.ids, now=doing.now)))


@admin.register(StripeDelivery)
class StripeDeliveryAdmin(ActingAdmin):
    """Stripe's events: verified hints of what to read again, never believed."""

    section, rank = "Stripe", 10
    acts = (WorkOffAgain(),)
    act_columns = (
        ("Event", lambda row: cells.code(row.event_id)),
        ("Kind", lambda row: row.kind),
        ("Tries", lambda row: row.tries),
        ("Error", lambda row: cells.short(row.error)),
    )
    list_display = ("received", "kind", "event", "about", "account_", "standing", "tries", "error_")
    list_filter = (
        "state",
        is_set_filter(field="person_after", title="still open"),
        days_filter(field="received_at", title="received"),
        word_filter(title="kind", field="kind"),
        word_filter(title="about", field="object_id", name="about"),
        word_filter(title="account", field="account"),
    )
    search_fields = ("=event_id", "=object_id", "=id")
    page = (
        "kind",
        "event",
        "about",
        "account_",
        "standing",
        "tries",
        "error",
        "happened",
        "received",
        "worked",
        "next_try",
        "for_people",
    )
    change_form_template = "admin/backoffice/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StripeDelivery]:
        """This will leave the body where it is: it holds what buyers and sellers told Stripe of themselves."""
        return super().get_queryset(request).defer("body")

    @admin.display(description="Event")
    def event(self, row: StripeDelivery) -> SafeString:
        return cells.code(row.event_id)

    @admin.display(description="About")
    def about(self, row: StripeDelivery) -> SafeString:
        return cells.code(row.object_id)

    @admin.display(description="Connected account")
    def account_(self, row: StripeDelivery) -> SafeString:
        return cells.code(row.account)

    @admin.display(description="Standing")
    def standing(self, row: StripeDelivery) -> SafeString:
        return cells.state(row)

    @admin.display(description="Error")
    def error_(self, row: StripeDelivery) -> SafeString | str:
        return cells.short(row.error)

    @admin.display(description="Received")
    def received(self, row: StripeDelivery) -> SafeString | str:
        return cells.moment(row.received_at)

    @admin.display(description="Happened, by Stripe's clock")
    def happened(self, row: StripeDelivery) -> SafeString | str:
        return cells.moment(row.happened_at)

    @admin.display(description="Worked off")
    def worked(self, row: StripeDelivery) -> SafeString | str:
        return cells.moment(row.worked_at)

    @admin.display(description="Next try")
    def next_try(self, row: StripeDelivery) -> SafeString | str:
        return cells.moment(row.next_at)

    @admin.display(description="Before a person")
    def for_people(self, row: StripeDelivery) -> SafeString | str:
        return cells.moment(row.person_after)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(BackOfficeAdmin):
    """Stripe's webhook endpoints: where it delivers to us. They are made and replaced by a command."""

    section, rank = "Stripe", 90
    list_display = ("kind", "identity", "status", "until", "address", "version", "made")
    page = (*list_display, "events")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """This will leave the secret where it is."""
        rows: QuerySet[WebhookEndpoint] = super().get_queryset(request).defer("secret")
        return rows

    @admin.display(description="Of")
    def kind(self, row: WebhookEndpoint) -> str:
        return endpoints.kind_of(row.metadata) or "made elsewhere"

    @admin.display(description="Id")
    def identity(self, row: WebhookEndpoint) -> SafeString:
        return cells.code(row.id)

    @admin.display(description="Replaced, and goes on until")
    def until(self, row: WebhookEndpoint) -> SafeString | str:
        return cells.moment(endpoints.until_of(row.metadata))

    @admin.display(description="Address")
    def address(self, row: WebhookEndpoint) -> str:
        # The rest is what nobody else can guess.
        return row.url.replace(str(row.djstripe_uuid), f"{str(row.djstripe_uuid)[:8]}…")

    @admin.display(description="Version")
    def version(self, row: WebhookEndpoint) -> str:
        return row.api_version or cells.EMPTY

    @admin.display(description="Made")
    def made(self, row: WebhookEndpoint) -> SafeString | str:
        return cells.moment(row.created)

    @admin.display(description="Events")
    def events(self, row: WebhookEndpoint) -> SafeString:
        return cells.pretty(sorted(row.enabled_events))
