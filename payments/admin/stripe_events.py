"""What Stripe tells us: its events, until they are worked off."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, NothingToSay, Outcome
from accounts.backoffice.filters import days_filter, is_set_filter, word_filter
from payments.models import StripeDelivery
from payments.stripe import inbox


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
