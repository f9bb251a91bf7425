"""Buyers and sellers: what each is at Stripe, as Stripe said last; read-only for every role."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import is_set_filter
from payments import requirements, verification
from payments.models import Buyer, FirstListing, Seller

_DASHBOARD = "https://dashboard.stripe.com"


class _PersonAdmin(BackOfficeAdmin):
    """A person's one object at Stripe."""

    section = "Stripe"
    list_select_related = ("user__payee",)
    search_fields: ClassVar[tuple[str, ...]] = ("=stripe_id", "=user__email", "=user__payee__email")
    where: ClassVar[str]
    """The path under which Stripe's Dashboard shows it."""

    @admin.display(description="Person")
    def person(self, row: Any) -> SafeString | str:
        payee = getattr(row.user, "payee", None)
        return cells.page_of(payee) if payee is not None else str(row.user)

    @admin.display(description="Id at Stripe")
    def identity(self, row: Any) -> SafeString:
        return cells.code(row.stripe_id)

    @admin.display(description="At Stripe")
    def dashboard(self, row: Any) -> SafeString | str:
        if not row.stripe_id:
            return cells.EMPTY
        mode = "" if settings.STRIPE_LIVE_MODE else "/test"
        return format_html(
            '<a class="outward" href="{}" rel="noreferrer noopener" target="_blank">Stripe\'s Dashboard</a>',
            f"{_DASHBOARD}{mode}/{self.where}/{row.stripe_id}",
        )

    @admin.display(description="Last read")
    def read(self, row: Any) -> SafeString | str:
        return cells.moment(row.read_at)

    @admin.display(description="To be read again")
    def next_(self, row: Any) -> SafeString | str:
        return cells.moment(row.next_at)

    @admin.display(description="Begun")
    def begun(self, row: Any) -> SafeString | str:
        return cells.moment(row.created_at)

    @admin.display(description="What went wrong")
    def error_(self, row: Any) -> str:
        return row.error or cells.EMPTY


@admin.register(Seller)
class SellerAdmin(_PersonAdmin):
    """Sellers: their connected accounts, and what Stripe still wants of them."""

    rank = 10
    where = "connect/accounts"
    list_display = ("person", "state_", "country", "kind", "identity", "verified", "read")
    list_filter = ("state", "kind", is_set_filter(field="verified_at", title="verified"))
    page = (
        "person",
        "state_",
        "why",
        "wanted",
        "country",
        "kind",
        "identity",
        "dashboard",
        "verified",
        "lost",
        "read",
        "next_",
        "begun",
        "error_",
    )

    @admin.display(description="State")
    def state_(self, row: Seller) -> SafeString:
        return cells.state(row)

    @admin.display(description="What the seller reads")
    def why(self, row: Seller) -> str:
        return verification.sentence(row.state, row.shown)

    @admin.display(description="Wanted of the seller")
    def wanted(self, row: Seller) -> SafeString | str:
        found = requirements.wanted(row.shown.get("requirements") or {})
        if not found:
            return cells.EMPTY
        lines = [
            (
                one.sentence,
                " Overdue." if one.overdue else "",
                f" {one.problem}" if one.problem else "",
                ", ".join(one.requirements),
            )
            for one in found
        ]
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}{}{} <code>{}</code></li>", lines))

    @admin.display(description="Verified since")
    def verified(self, row: Seller) -> SafeString | str:
        return cells.moment(row.verified_at)

    @admin.display(description="Verification last taken away")
    def lost(self, row: Seller) -> SafeString | str:
        return cells.moment(row.lost_at)


@admin.register(Buyer)
class BuyerAdmin(_PersonAdmin):
    """Buyers: their customers at Stripe."""

    rank = 15
    where = "customers"
    list_display = ("person", "identity", "read", "begun")
    page = (*list_display, "dashboard", "card", "next_", "error_")

    @admin.display(description="Pays with")
    def card(self, row: Buyer) -> str:
        method = row.shown.get("payment_method") or {}
        if not method:
            return cells.EMPTY
        return f"{method.get('brand') or method.get('type')} •••• {method.get('last4') or ''}".strip()


@admin.register(FirstListing)
class FirstListingAdmin(BackOfficeAdmin):
    """First listings: who began to sell, and whether an account was made for them."""

    section = "Stripe"
    rank = 60
    search_fields = ("=flex_user_id", "=listing_id")
    list_display = ("seen", "whose", "outcome_")
    list_filter = (is_set_filter(field="next_at", title="still to be looked at"),)
    page = (*list_display, "listing", "next_")

    @admin.display(description="Seen")
    def seen(self, row: FirstListing) -> SafeString | str:
        return cells.moment(row.seen_at)

    @admin.display(description="Sharetribe user")
    def whose(self, row: FirstListing) -> SafeString:
        return cells.code(row.flex_user_id)

    @admin.display(description="Listing")
    def listing(self, row: FirstListing) -> SafeString:
        return cells.code(row.listing_id)

    @admin.display(description="What was done")
    def outcome_(self, row: FirstListing) -> str:
        return row.outcome or cells.EMPTY

    @admin.display(description="To be looked at")
    def next_(self, row: FirstListing) -> SafeString | str:
        return cells.moment(row.next_at)
