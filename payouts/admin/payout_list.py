"""The queue of payouts, and each payout's own page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin
from accounts.backoffice.filters import amount_filter, days_filter
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.money import Money
from payouts.admin import dossier, payout_search
from payouts.admin.choices import ProviderFilter, gates
from payouts.admin.payout_acts import ACTS
from payouts.admin.payout_filters import (
    OPEN,
    BlockedFilter,
    HeardFilter,
    HeldFilter,
    OverdueFilter,
    ReturnedFilter,
    StateFilter,
    held,
)
from payouts.admin.request_links import links_for
from payouts.models import BEFORE_SENDING, Attempt, AttemptState, Payout, State

_GATES = dict(gates())


@admin.register(Payout)
class PayoutAdmin(ActingAdmin):
    """Payouts: what waits, what goes, what went."""

    section = "Payouts"
    rank = 10
    acts = ACTS
    act_columns = (
        ("Number", lambda row: row.number),
        ("Payee", lambda row: str(row.payee)),
        ("To", lambda row: str(row.method)),
        ("Amount", lambda row: cells.amount(row.debt_units, row.debt_currency)),
        ("State", cells.state),
    )
    list_display = ("number_", "payee_", "amount_", "state_", "waits_")
    list_filter = (
        StateFilter,
        OverdueFilter,
        HeldFilter,
        HeardFilter,
        ReturnedFilter,
        ProviderFilter,
        amount_filter(units="debt_units", currency="debt_currency"),
        days_filter(field="created_at", title="created"),
        days_filter(field="paid_at", title="paid"),
        BlockedFilter,
    )
    list_select_related = ("payee", "method")
    search_fields = ("number",)
    search_help_text = (
        "Number, any id of ours or Sharetribe's, an attempt's or batch's key or reference, a webhook's event id, name,"
        " e-mail, or the address that the money went to."
    )
    change_list_template = "admin/payouts/payout/change_list.html"

    @admin.display(description="Number", ordering="-pk")
    def number_(self, row: Payout) -> SafeString:
        return cells.code(row.number)

    @admin.display(description="Payee")
    def payee_(self, row: Payout) -> SafeString:
        return format_html('{}<br><span class="quiet">{}</span>', str(row.payee), str(row.method))

    @admin.display(description="Amount")
    def amount_(self, row: Payout) -> SafeString:
        return cells.amount(row.debt_units, row.debt_currency)

    @admin.display(description="State")
    def state_(self, row: Payout) -> SafeString:
        held = format_html(" {}", cells.badge("held", "held")) if getattr(row, "is_held", False) else ""
        since = cells.moment(row.state_since)
        return format_html('{}{}<br><span class="quiet">{}</span>', cells.state(row), held, since)

    @admin.display(description="Why it stands there")
    def waits_(self, row: Payout) -> SafeString | str:
        if row.state == State.SUBMITTED and (heard := getattr(row, "heard", "")):
            return cells.short(heard, 60)
        if row.state not in BEFORE_SENDING:
            return cells.short(row.reason, 60)
        return cells.short(_GATES.get(row.blocked_by, row.blocked_by) or row.reason, 60)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payout], search_term: str
    ) -> tuple[QuerySet[Payout], bool]:
        """This will find payouts by any id; never with duplicates."""
        return payout_search.narrow(queryset, search_term), False

    def act_rows(self, ids: Sequence[Any]) -> QuerySet[Payout]:
        """This will load payouts with what acts show and ask."""
        return super().act_rows(ids).select_related("payee", "method").prefetch_related("holds", "approvals")

    def act_amount(self, row: Payout) -> Money | None:
        """This will give what the payout promises."""
        return Money(int(row.debt_units), row.debt_currency)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the queue with its totals per currency."""
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            changes = response.context_data["cl"]
            response.context_data["totals"] = totals(changes.queryset)
            _mark_held(list(changes.result_list))
            _mark_heard(list(changes.result_list))
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """This will draw everything that is known of the payout."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        payout = self.get_object(request, object_id)
        if payout is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]  # the stub leaves it out
            return missing
        context = {
            **self.admin_site.each_context(request),
            "title": f"Payout {payout.number}",
            "opts": self.opts,
            "payout": payout,
            "act_buttons": self.buttons_for(request, payout),
            "act_ids": str(payout.pk),
            "request_links": links_for(request, "payout", payout=str(payout.pk))
            if payout.state == State.APPROVED
            else [],
            **dossier.of(payout, request=request, now=utc_now()),
        }
        return TemplateResponse(request, "admin/payouts/payout/dossier.html", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will lead to the page, whose timeline is the history."""
        return HttpResponseRedirect("../change/")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Payout | None:
        """This will load a payout with what its page shows."""
        found = super().get_object(request, object_id, from_field)
        assert found is None or isinstance(found, Payout)
        return found


def _mark_held(rows: Sequence[Payout]) -> None:
    open_rows = [row.pk for row in rows if row.state in OPEN]
    found = set(Payout.objects.filter(held(), pk__in=open_rows).values_list("pk", flat=True))
    for row in rows:
        row.is_held = row.pk in found  # type: ignore[attr-defined]  # for the column of the page alone


def _mark_heard(rows: Sequence[Payout]) -> None:
    on_their_way = [row.pk for row in rows if row.state == State.SUBMITTED]
    said = Attempt.objects.filter(payout__in=on_their_way, state=AttemptState.ACCEPTED).exclude(status="")
    found = {attempt.payout_id: attempt for attempt in said}
    for row in rows:
        if (attempt := found.get(row.pk)) is not None:
            word = attempt.status.replace("_", " ").capitalize()
            row.heard = f"{word} ({attempt.raw_status}). {attempt.message}".strip()  # type: ignore[attr-defined]  # as above


def totals(queryset: QuerySet[Payout]) -> list[dict[str, Any]] | None:
    """This will add up what a list shows, per currency; None when there is too much to add up while a person waits."""
    sums = (
        queryset.order_by()
        .values("debt_currency")
        .annotate(n=Count("pk"), units=Sum("debt_units"))
        .order_by("-n")
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '1500ms'")
            rows = list(sums)
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError:
        return None
    return [
        {"count": row["n"], "text": cells.amount_text(row["units"], row["debt_currency"])} for row in rows
    ]
