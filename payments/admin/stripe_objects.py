"""What dj-stripe keeps of Stripe's, as it was read last: read-only, and only what is of use in the back office.

Its pages of API keys, of raw requests and of everything else are not registered.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from djstripe import models

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin


def _id_of(row: Any) -> str:
    return str(row.id)


class StripeObjectAdmin(BackOfficeAdmin):
    """An object of Stripe's; the whole of it stands in Stripe's Dashboard."""

    def __init__(self, model: Any, site: admin.AdminSite) -> None:
        super().__init__(model, site)
        # By its id: dj-stripe would name it by a status, and fail where Stripe has a new one.
        model.__str__ = _id_of

    section = "Stripe"
    search_fields: ClassVar[tuple[str, ...]] = ("=id",)
    list_select_related = ("djstripe_owner_account",)
    list_display: tuple[str, ...] = ("identity", "made", "read")
    page = (*list_display, "owner", "metadata_", "dashboard")

    @admin.display(description="Id")
    def identity(self, row: Any) -> SafeString:
        return cells.code(row.id)

    @admin.display(description="Made")
    def made(self, row: Any) -> SafeString | str:
        return cells.moment(row.created)

    @admin.display(description="Last read")
    def read(self, row: Any) -> SafeString | str:
        return cells.moment(row.djstripe_updated)

    @admin.display(description="Belongs to")
    def owner(self, row: Any) -> SafeString:
        return cells.code(row.djstripe_owner_account_id)

    @admin.display(description="Metadata")
    def metadata_(self, row: Any) -> SafeString:
        return cells.pretty(row.metadata)

    @admin.display(description="At Stripe")
    def dashboard(self, row: Any) -> SafeString | str:
        url = row.get_stripe_dashboard_url()
        if not url:
            return cells.EMPTY
        return format_html(
            '<a class="outward" href="{}" rel="noreferrer noopener" target="_blank">Stripe\'s Dashboard</a>',
            url,
        )

    @admin.display(description="Status")
    def status_(self, row: Any) -> SafeString:
        return cells.badge(str(row.stripe_data.get("status") or ""))

    @admin.display(description="Amount, in Stripe's units")
    def amount_(self, row: Any) -> str:
        # Stripe's units are not ours for every currency, so that they are shown as they are.
        data = row.stripe_data
        return f"{data.get('amount', cells.EMPTY)} {str(data.get('currency') or '').upper()}"

    @admin.display(description="Transfer group")
    def group(self, row: Any) -> SafeString:
        return cells.code(row.stripe_data.get("transfer_group"))

    @admin.display(description="Charge")
    def charge_(self, row: Any) -> SafeString:
        return cells.code(row.stripe_data.get("charge"))


@admin.register(models.Account)
class AccountAdmin(StripeObjectAdmin):
    """Stripe accounts: our own, and those of sellers."""

    rank = 20
    list_display = ("identity", "country", "payouts", "transfers", "wanted", "made", "read")
    page = (*list_display, "disabled", "owner", "metadata_", "dashboard")

    @admin.display(description="Country")
    def country(self, row: models.Account) -> str:
        return row.country or cells.EMPTY

    @admin.display(description="Payouts", boolean=True)
    def payouts(self, row: models.Account) -> bool:
        return bool(row.payouts_enabled)

    @admin.display(description="Transfers to it")
    def transfers(self, row: models.Account) -> SafeString:
        return cells.badge(str((row.stripe_data.get("capabilities") or {}).get("transfers") or ""))

    @admin.display(description="Wanted of the seller")
    def wanted(self, row: models.Account) -> str:
        return ", ".join((row.requirements or {}).get("currently_due") or ()) or cells.EMPTY

    @admin.display(description="Why it is switched off")
    def disabled(self, row: models.Account) -> str:
        return (row.requirements or {}).get("disabled_reason") or cells.EMPTY


@admin.register(models.Customer)
class CustomerAdmin(StripeObjectAdmin):
    """Stripe customers: buyers, as Stripe knows them."""

    rank = 30
    list_display = ("identity", "email_", "deleted_", "made", "read")
    page = (*list_display, "owner", "metadata_", "dashboard")
    search_fields = ("=id", "=email")

    @admin.display(description="E-mail")
    def email_(self, row: models.Customer) -> str:
        return row.email or cells.EMPTY

    @admin.display(description="Deleted at Stripe", boolean=True)
    def deleted_(self, row: models.Customer) -> bool:
        return bool(row.deleted)


@admin.register(models.PaymentIntent)
class PaymentIntentAdmin(StripeObjectAdmin):
    """Payment intents: what buyers are to pay, or paid."""

    rank = 40
    list_display = ("identity", "status_", "amount_", "group", "made", "read")
    page = (*list_display, "owner", "metadata_", "dashboard")


@admin.register(models.Charge)
class ChargeAdmin(StripeObjectAdmin):
    """Charges: each try to take a payment."""

    rank = 41
    list_display = ("identity", "status_", "amount_", "taken_back", "intent", "made", "read")
    page = (*list_display, "group", "owner", "metadata_", "dashboard")

    @admin.display(description="Taken back, in Stripe's units")
    def taken_back(self, row: models.Charge) -> str:
        return str(row.amount_refunded or cells.EMPTY)

    @admin.display(description="Payment intent")
    def intent(self, row: models.Charge) -> SafeString:
        return cells.code(row.payment_intent_id)


@admin.register(models.Refund)
class RefundAdmin(StripeObjectAdmin):
    """Refunds: payments given back."""

    rank = 42
    list_display = ("identity", "status_", "amount_", "charge_", "made", "read")
    page = (*list_display, "owner", "metadata_", "dashboard")


@admin.register(models.Dispute)
class DisputeAdmin(StripeObjectAdmin):
    """Disputes: payments that buyers' banks took back."""

    rank = 43
    list_display = ("identity", "status_", "amount_", "reason_", "charge_", "made", "read")
    page = (*list_display, "owner", "metadata_", "dashboard")

    @admin.display(description="Reason")
    def reason_(self, row: models.Dispute) -> str:
        return str(row.stripe_data.get("reason") or cells.EMPTY).replace("_", " ")


@admin.register(models.Transfer)
class TransferAdmin(StripeObjectAdmin):
    """Transfers: money moved to sellers' accounts at Stripe."""

    rank = 50
    list_display = ("identity", "amount_", "destination_", "group", "made", "read")
    page = (*list_display, "owner", "metadata_", "dashboard")

    @admin.display(description="To")
    def destination_(self, row: models.Transfer) -> SafeString:
        return cells.code(row.stripe_data.get("destination"))


@admin.register(models.Payout)
class PayoutAdmin(StripeObjectAdmin):
    """Payouts by Stripe: money on its way from an account at Stripe to its bank."""

    rank = 51
    list_display = ("identity", "status_", "amount_", "owner", "failure", "made", "read")
    page = (*list_display, "metadata_", "dashboard")

    @admin.display(description="Why it failed")
    def failure(self, row: models.Payout) -> str:
        return str(row.stripe_data.get("failure_code") or cells.EMPTY).replace("_", " ")
