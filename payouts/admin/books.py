"""The ledger, by account."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import Typed, TypedFilter, amount_filter, days_filter, id_filter, word_filter
from payouts.admin import columns
from payouts.admin.choices import chosen_filter
from payouts.ledger import KINDS
from payouts.models import Posting


class AccountFilter(TypedFilter):
    """By account, on either side."""

    title = "account"
    fields = (Typed(name="account", label="name, or its beginning with *"),)

    def narrow(self, queryset: QuerySet[Posting]) -> QuerySet[Posting]:
        """This will keep the postings that touch the account."""
        name = self.given["account"]
        if name.endswith("*"):
            return queryset.filter(Q(debit__startswith=name[:-1]) | Q(credit__startswith=name[:-1]))
        return queryset.filter(Q(debit=name) | Q(credit=name))


@admin.register(Posting)
class PostingAdmin(BackOfficeAdmin):
    """Postings: the ledger, append-only."""

    section = "Books"
    rank = 10
    list_display = (
        columns.moment("at"),
        "kind_",
        "debit_",
        "credit_",
        columns.amount(),
        columns.page("payout"),
        columns.short("entry", length=13),
    )
    list_filter = (
        AccountFilter,
        chosen_filter(title="kind", column="kind", choices=list(KINDS.items())),
        amount_filter(),
        days_filter(field="at", title="day"),
        word_filter(title="entry", field="entry"),
        id_filter(title="payable's id", field="payable_id", name="payable"),
    )
    list_select_related = ("payout",)
    search_fields = ("=entry", "=subject", "=payout__number")
    search_help_text = "Entry, subject, or a payout's number."
    change_list_template = "admin/payouts/posting/change_list.html"
    page = (
        columns.moment("at"),
        "kind_",
        "debit_",
        "credit_",
        columns.amount(),
        columns.code("entry"),
        columns.code("subject"),
        "ordinal",
        columns.page("payout"),
        columns.page("payable"),
        columns.page("attempt", text="the attempt"),
    )

    @admin.display(description="What")
    def kind_(self, row: Posting) -> str:
        return KINDS.get(row.kind, row.kind)

    @admin.display(description="Debit")
    def debit_(self, row: Posting) -> SafeString:
        return _account(row.debit)

    @admin.display(description="Credit")
    def credit_(self, row: Posting) -> SafeString:
        return _account(row.credit)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the ledger; with one account chosen, also its balance over all time."""
        context = dict(extra_context or {})
        name = request.GET.get("account", "").strip()
        if name and not name.endswith("*"):
            context |= {"account": name, "balances": balances(name)}
        response = super().changelist_view(request, context)
        assert isinstance(response, HttpResponse | TemplateResponse)
        return response


def balances(account: str) -> list[dict[str, Any]]:
    """This will give an account's debits, credits and balance per currency."""
    rows = (
        Posting.objects.filter(Q(debit=account) | Q(credit=account))
        .order_by("currency")
        .values("currency")
        .annotate(
            debits=Sum("units", filter=Q(debit=account)),
            credits=Sum("units", filter=Q(credit=account)),
        )
    )
    return [
        {
            "debits": cells.amount(row["debits"] or 0, row["currency"]),
            "credits": cells.amount(row["credits"] or 0, row["currency"]),
            "balance": cells.amount((row["debits"] or 0) - (row["credits"] or 0), row["currency"]),
        }
        for row in rows
    ]


def _account(name: str) -> SafeString:
    return cells.link(cells.list_of(Posting, f"account={name}"), cells.short(name, 32))
