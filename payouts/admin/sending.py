"""What we said to providers and what they said: batches, attempts, observations, webhooks, funds."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import (
    YesNoFilter,
    amount_filter,
    days_filter,
    id_filter,
    is_set_filter,
    word_filter,
)
from payouts.admin import columns, dashboards
from payouts.admin.choices import ProviderFilter, chosen_filter
from payouts.admin.payout_filters import OPEN
from payouts.models import Attempt, Batch, Observation, ProviderFunds, WebhookDelivery
from payouts.providers.base import RefusalClass, Status

_STATUSES = [(one.value, one.value.replace("_", " ").capitalize()) for one in Status]
_REFUSALS = [(one.value, one.value.replace("_", " ").capitalize()) for one in RefusalClass]


class UnknownWordsFilter(YesNoFilter):
    """By whether the provider said something of an open payout that we cannot read."""

    title = "a word that we do not know"
    parameter_name = "unknown_words"

    def yes(self) -> Q:
        """This will keep statuses and reasons that stand in no table of ours."""
        return unknown_words()


def unknown_words() -> Q:
    """This will say which attempts of open payouts have a status or a reason that we do not know."""
    said = Q(status=Status.UNRECOGNISED) | Q(refusal_class=RefusalClass.UNCLASSIFIED)
    return said & Q(payout__state__in=OPEN)


@admin.register(Attempt)
class AttemptAdmin(BackOfficeAdmin):
    """Attempts: each try to pay a payout."""

    section = "Sending"
    list_display = (
        columns.code("key"),
        columns.page("payout"),
        "n",
        columns.amount(),
        columns.state(),
        "status_",
        columns.short("refusal_code", "Refusal", length=40),
        columns.moment("created_at"),
    )
    list_display_links = (list_display[0],)
    list_filter = (
        "state",
        UnknownWordsFilter,
        chosen_filter(title="newest status", column="status", choices=_STATUSES),
        chosen_filter(title="refusal", column="refusal_class", choices=_REFUSALS),
        ProviderFilter,
        amount_filter(),
        days_filter(field="created_at", title="made"),
        id_filter(title="batch's id", field="batch_id", name="batch"),
    )
    list_select_related = ("payout",)
    search_fields = ("=key", "=reference", "=payout__number", "=id")
    search_help_text = "Our key, the provider's reference, the payout's number, or our id."
    page = (
        columns.page("payout"),
        "n",
        columns.page("batch", text="the batch"),
        "provider",
        columns.code("key"),
        columns.page("method"),
        columns.amount(),
        columns.state(),
        columns.code("reference", "Provider's reference"),
        "status_",
        "raw_status",
        "refusal_code",
        "refusal_class",
        "message",
        columns.amount("fee_units", "fee_currency", title="Fee"),
        columns.amount("returned_units", title="Came back"),
        "debited",
        columns.code("destination", "Destination (fingerprint)"),
        columns.digest("digest", "Sent under the approval digest"),
        "observed",
        "folded",
        columns.moment("created_at"),
        columns.moment("closed_at"),
        columns.moment("watch_until", "Watched until"),
    )

    @admin.display(description="Newest status")
    def status_(self, row: Attempt) -> SafeString:
        return cells.badge(
            row.status, f"{row.status.replace('_', ' ')} ({row.raw_status})" if row.status else ""
        )


@admin.register(Batch)
class BatchAdmin(BackOfficeAdmin):
    """Batches: each request to a provider."""

    section = "Sending"
    list_display = (
        columns.code("key"),
        "provider",
        "item_count",
        columns.amount("total_units", title="Total"),
        columns.state(),
        "reference_",
        "transmissions",
        "answers",
        columns.moment("next_at", "Asked next"),
        columns.moment("created_at"),
    )
    list_filter = (
        "state",
        ProviderFilter,
        is_set_filter(field="next_at", title="to be asked again"),
        amount_filter(units="total_units"),
        days_filter(field="created_at", title="made"),
    )
    search_fields = ("=key", "=reference", "=id")
    search_help_text = "Our key, the provider's reference, or our id."
    page = (
        "provider",
        "environment",
        columns.code("key"),
        "reference_",
        columns.state(),
        "raw_status",
        "reason",
        "item_count",
        columns.amount("total_units", title="Total"),
        columns.amount("fee_units", "fee_currency", title="Fee"),
        "attempts_",
        "transmissions",
        "answers",
        "sender",
        columns.moment("lease_until"),
        columns.moment("created_at"),
        columns.moment("first_sent_at"),
        columns.moment("last_sent_at"),
        columns.moment("next_at", "Asked next"),
        columns.moment("person_after", "Before a person"),
        "tries",
        "steps_",
    )

    @admin.display(description="Provider's reference")
    def reference_(self, row: Batch) -> SafeString | str:
        return dashboards.batch(row)

    @admin.display(description="Attempts")
    def attempts_(self, row: Batch) -> SafeString:
        return cells.link(cells.list_of(Attempt, f"batch={row.pk}"), f"{row.item_count:,} attempts")

    @admin.display(description="Steps")
    def steps_(self, row: Batch) -> SafeString:
        told = [
            {
                "n": step.n,
                "name": step.name,
                "key": step.key,
                "path": step.path,
                "moves_money": step.moves_money,
                "outcome": step.outcome or "no answer yet",
                "reference": step.reference,
                "sha256": bytes(step.digest).hex(),
            }
            for step in row.steps.order_by("n")
        ]
        return cells.pretty(told)


@admin.register(Observation)
class ObservationAdmin(BackOfficeAdmin):
    """Observations: what providers said of attempts."""

    section = "Sending"
    list_display = (
        columns.moment("created_at", "Read"),
        columns.page("attempt", text="attempt"),
        "status_",
        "raw_status",
        columns.amount(),
        columns.amount("fee_units", "fee_currency", title="Fee"),
        columns.short("refusal_code", "Refusal", length=40),
        columns.moment("provider_time"),
    )
    list_filter = (
        chosen_filter(title="status", column="status", choices=_STATUSES),
        chosen_filter(title="refusal", column="refusal_class", choices=_REFUSALS),
        days_filter(field="created_at", title="read"),
        word_filter(title="raw word", field="raw_status"),
        id_filter(title="attempt's id", field="attempt_id", name="attempt"),
    )
    list_select_related = ("attempt",)
    search_fields = ("=reference",)
    page = (
        columns.page("attempt", text="the attempt"),
        "seq",
        "status_",
        "raw_status",
        columns.code("reference", "Provider's reference"),
        columns.amount(),
        columns.amount("fee_units", "fee_currency", title="Fee"),
        columns.amount("returned_units", title="Came back"),
        "return_reference",
        "refusal_code",
        "refusal_class",
        "message",
        columns.code("destination", "Destination (fingerprint)"),
        columns.moment("provider_time"),
        columns.moment("created_at", "Read"),
    )

    @admin.display(description="Status")
    def status_(self, row: Observation) -> SafeString:
        return cells.badge(row.status)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(BackOfficeAdmin):
    """Webhook deliveries: verified hints, never applied as they are."""

    section = "Sending"
    list_display = (
        columns.moment("received_at"),
        "provider",
        "kind",
        columns.code("event_id"),
        columns.state(),
        "tries",
        columns.short("error"),
    )
    list_filter = ("state", ProviderFilter, days_filter(field="received_at", title="received"))
    search_fields = ("=event_id", "=id")
    page = (
        "provider",
        "kind",
        columns.code("event_id"),
        columns.state(),
        columns.json("hint"),
        "tries",
        "error",
        columns.moment("received_at"),
        columns.moment("worked_at"),
        columns.moment("next_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """This will leave the sealed body where it is."""
        return super().get_queryset(request).defer("body")


@admin.register(ProviderFunds)
class ProviderFundsAdmin(BackOfficeAdmin):
    """Provider funds: what each provider says it holds for us."""

    section = "Books"
    list_display = (
        "provider",
        "currency",
        columns.amount("available_units", title="Available"),
        columns.moment("as_of", "As of"),
        columns.moment("read_at", "Read"),
    )
    list_filter = (ProviderFilter,)
    page = list_display
