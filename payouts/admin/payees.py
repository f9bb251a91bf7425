"""Payees and where they want their money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, Outcome, Result
from accounts.backoffice.filters import YesNoFilter, id_filter, is_set_filter, word_filter
from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts import holding, intervention
from payouts.admin import amounts, columns
from payouts.admin.choices import ProviderFilter
from payouts.admin.domain_act import DomainAct, count
from payouts.admin.request_links import links_for
from payouts.errors import DomainError
from payouts.models import Hold, Notice, Payable, Payout, PayoutMethod, Reminder
from payouts.notices.kinds import KINDS

_NEWEST = 25


class Freeze(DomainAct):
    """Freezes payees."""

    name, label, needs, done_word = "freeze", "Freeze", "act_hold", "Frozen"
    danger = True

    def fits(self, row: Payee) -> str:
        return "Frozen already." if row.frozen_at else ""

    def will(self, rows: Sequence[Payee]) -> list[str]:
        return [f"Gather and send nothing more for {count(rows, 'payee')} until somebody thaws them."]

    def perform(self, doing: Doing) -> Result:
        return _each(
            doing, lambda pk: holding.freeze(by=doing.by, payee_id=pk, reason=doing.reason, now=doing.now)
        )


class Thaw(DomainAct):
    """Lets frozen payees be paid again."""

    name, label, needs, done_word = "thaw", "Thaw", "act_release", "Thawed"

    def fits(self, row: Payee) -> str:
        return "" if row.frozen_at else "Not frozen."

    def will(self, rows: Sequence[Payee]) -> list[str]:
        return [f"Let {count(rows, 'payee')} be paid again; what waits is looked at at once."]

    def perform(self, doing: Doing) -> Result:
        return _each(
            doing, lambda pk: holding.thaw(by=doing.by, payee_id=pk, reason=doing.reason, now=doing.now)
        )


class HoldPayee(DomainAct):
    """Holds a payee's payouts back."""

    name, label, needs, done_word = "hold", "Hold payouts of", "act_hold", "On hold"

    def will(self, rows: Sequence[Payee]) -> list[str]:
        return [f"Put a hold on {count(rows, 'payee')}: payouts are still gathered, but none is sent."]

    def perform(self, doing: Doing) -> Result:
        return holding.hold(by=doing.by, payees=doing.ids, reason=doing.reason, now=doing.now)


class PayNow(DomainAct):
    """Pays what a payee is owed outside the schedule."""

    name, label, needs, done_word = "pay_now", "Pay now", "act_request", "To be gathered at once"

    def fits(self, row: Payee) -> str:
        return f"Frozen: {row.frozen_reason}" if row.frozen_at else ""

    def will(self, rows: Sequence[Payee]) -> list[str]:
        return [
            (
                f"Gather what {count(rows, 'payee')} {'is' if len(rows) == 1 else 'are'} owed and waits for nobody, as"
                " added up below, before the next payday and below the minimum."
            ),
            "Hold periods, holds and all other gates stay, and each payout needs its approval.",
        ]

    def perform(self, doing: Doing) -> Result:
        return _each(
            doing,
            lambda pk: intervention.pay_now(by=doing.by, payee_id=pk, reason=doing.reason, now=doing.now),
        )


def _each(doing: Doing, call: Any) -> Outcome:
    """Do it payee by payee: what is refused for one does not stop the others."""
    outcome = Outcome()
    names = {payee.pk: str(payee) for payee in Payee.objects.filter(pk__in=doing.ids)}
    for pk in doing.ids:
        try:
            one = call(pk)
        except DomainError as error:
            outcome.refused.append((names.get(pk, str(pk)), str(error)))
        else:
            outcome.done += one.done
            outcome.asked += one.asked
            outcome.refused += one.refused
    return outcome


class AskedFilter(YesNoFilter):
    """By whether they were asked where to pay them as often as they are, and are still to say so."""

    title = "asked in vain where to pay"
    parameter_name = "asked"

    def yes(self) -> Q:
        """This will keep those who stand before staff."""
        asked = Reminder.objects.filter(ended_at__isnull=True, listed_at__isnull=False)
        return Q(pk__in=asked.values("payee"))


@admin.register(Payee)
class PayeeAdmin(ActingAdmin):
    """Payees: whom we pay."""

    section = "People"
    rank = 10
    acts = (PayNow(), HoldPayee(), Freeze(), Thaw())
    act_columns = (
        ("Name", str),
        ("E-mail", lambda row: row.email or cells.EMPTY),
        ("Sharetribe user", lambda row: cells.code(row.flex_user_id)),
    )
    list_display = (
        "__str__",
        "email",
        "standing",
        columns.moment("next_gather_at", "Next gathering"),
        "created_",
    )
    list_filter = (
        is_set_filter(field="frozen_at", title="frozen"),
        "closed",
        "stripe_connected",
        is_set_filter(field="next_gather_at", title="something waits"),
        AskedFilter,
        word_filter(title="Sharetribe user id", field="flex_user_id"),
    )
    search_fields = ("name", "email", "=flex_user_id", "=id")
    search_help_text = "Name, e-mail, Sharetribe user id or our id."
    change_form_template = "admin/accounts/payee/change_form.html"
    page = (
        "name",
        "email",
        columns.code("flex_user_id", "Sharetribe user"),
        "country",
        "standing",
        "frozen_reason",
        "stripe_connected",
        columns.moment("profile_read_at"),
        columns.moment("next_gather_at", "Next gathering"),
        columns.moment("pay_now_at", "Pay now since"),
        "marketplace",
        "created_",
    )

    def act_amounts(self, act: Act, rows: Sequence[Any]) -> list[tuple[str, Money]]:
        """This will add up what the act lets go or holds back: what is gathered, what is not yet, or both."""
        in_payouts = [] if isinstance(act, PayNow) else amounts.unsent(Q(payee__in=rows))
        return in_payouts if isinstance(act, HoldPayee) else [*in_payouts, *amounts.ungathered(rows)]

    @admin.display(description="Standing")
    def standing(self, row: Payee) -> SafeString:
        if row.frozen_at:
            return cells.badge("frozen", "Frozen")
        return (
            cells.badge("closed", "Closed in Sharetribe") if row.closed else cells.badge("active", "Active")
        )

    @admin.display(description="Known since")
    def created_(self, row: Payee) -> SafeString | str:
        return cells.moment(row.created_at)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add the payee's methods, holds, what is owed, and payouts."""
        return super().page_context(request, row) | {
            "methods": row.methods.select_related("made_by", "seconded_by").order_by("-version"),
            "method_changes": row.method_changes.select_related("seconded_by").order_by("-at")[:_NEWEST],
            "holds": _holds_of(row),
            "owed": _owed(row),
            "asking": row.reminders.filter(ended_at__isnull=True).first(),
            "notices": _notices(row),
            "staff_acts": row.staff_acts.select_related("by").order_by("-at")[:_NEWEST],
            "payouts": _newest_payouts(row),
            "request_links": links_for(request, "payee", payee=str(row.pk)),
        }


def _holds_of(payee: Payee) -> QuerySet[Hold]:
    return (
        Hold.objects.filter(payee=payee, lifted_at__isnull=True).select_related("set_by").order_by("-set_at")
    )


def _notices(payee: Payee) -> list[dict[str, Any]]:
    """What the payee was sent, and what not, the newest first."""
    return [
        {
            "at": cells.moment(row.sent_at or row.created_at),
            "what": KINDS[row.kind].name.replace("_", " ").capitalize() if row.kind in KINDS else row.kind,
            "when": KINDS[row.kind].when if row.kind in KINDS else "",
            "to": row.address or cells.EMPTY,
            "outcome": row.get_outcome_display(),
            "error": row.error,
        }
        for row in Notice.objects.filter(payee=payee).order_by("-created_at")[:_NEWEST]
    ]


def _owed(payee: Payee) -> list[dict[str, Any]]:
    rows = (
        Payable.objects.filter(payee=payee, settled="")
        .values("currency", "waits_for")
        .annotate(total=Sum("units"))
        .order_by("currency", "waits_for")
    )
    return [
        {
            "amount": cells.amount(row["total"], row["currency"]),
            "waits": Payable.Waits(row["waits_for"]).label if row["waits_for"] else "open",
        }
        for row in rows
    ]


def _newest_payouts(payee: Payee) -> list[dict[str, Any]]:
    rows = Payout.objects.filter(payee=payee).select_related("method").order_by("-created_at")[:_NEWEST]
    return [
        {
            "page": cells.page_of(row),
            "state": cells.state(row),
            "amount": cells.amount(row.debt_units, row.debt_currency),
            "to": str(row.method),
            "at": cells.moment(row.created_at),
        }
        for row in rows
    ]


class HoldMethod(DomainAct):
    """Holds back what would go to a method."""

    name, label, needs, done_word = "hold", "Hold", "act_hold", "On hold"

    def fits(self, row: PayoutMethod) -> str:
        return "It was replaced; nothing goes there any more." if row.retired_at else ""

    def will(self, rows: Sequence[PayoutMethod]) -> list[str]:
        return [
            f"Put a hold on {count(rows, 'payout method')}: nothing is sent there until somebody releases it."
        ]

    def perform(self, doing: Doing) -> Result:
        return holding.hold(by=doing.by, methods=doing.ids, reason=doing.reason, now=doing.now)


@admin.register(PayoutMethod)
class PayoutMethodAdmin(ActingAdmin):
    """Payout methods: immutable versions, shown masked."""

    section = "People"
    acts = (HoldMethod(),)
    act_columns = (
        ("Payee", lambda row: str(row.payee)),
        ("Method", str),
        ("Version", lambda row: row.version),
    )
    list_display = (
        "masked",
        "provider",
        columns.page("payee"),
        "version",
        "standing",
        columns.moment("usable_from", "Usable from"),
        columns.moment("created_at"),
    )
    list_filter = (
        ProviderFilter,
        is_set_filter(field="verified_at", title="verified"),
        is_set_filter(field="retired_at", title="replaced"),
        "first_for_payee",
        word_filter(title="same destination (fingerprint)", field="fingerprint"),
        id_filter(title="payee's id", field="payee_id", name="payee"),
    )
    list_select_related = ("payee",)
    search_fields = ("masked", "payee__name", "payee__email", "=fingerprint")
    page = (
        columns.page("payee"),
        "provider",
        "masked",
        "version",
        "standing",
        columns.code("fingerprint"),
        "shared_with",
        "first_for_payee",
        columns.moment("usable_from", "Usable from"),
        columns.moment("verified_at"),
        "verified_how",
        "verified_by",
        "made_by",
        "seconded_by",
        columns.moment("created_at"),
        columns.moment("retired_at", "Replaced"),
        "retired_reason",
    )
    change_form_template = "admin/backoffice/change_form.html"

    def act_amounts(self, act: Act, rows: Sequence[Any]) -> list[tuple[str, Money]]:
        """This will add up what would be held back."""
        return amounts.unsent(Q(method__in=rows))

    def act_rows(self, ids: Sequence[Any]) -> QuerySet[PayoutMethod]:
        """This will load methods with their payees."""
        return super().act_rows(ids).select_related("payee")

    @admin.display(description="Standing")
    def standing(self, row: PayoutMethod) -> SafeString:
        if row.retired_at:
            return cells.badge("retired", "Replaced")
        return (
            cells.badge("verified", "Verified") if row.verified_at else cells.badge("waits", "Not verified")
        )

    @admin.display(description="Same destination elsewhere")
    def shared_with(self, row: PayoutMethod) -> SafeString | str:
        others = PayoutMethod.objects.filter(fingerprint=row.fingerprint).exclude(payee_id=row.payee_id)
        n = others.values("payee_id").distinct().count()
        if not n:
            return "no other payee"
        return cells.link(
            cells.list_of(PayoutMethod, f"fingerprint={row.fingerprint}"), f"{n} other payee(s)"
        )

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add the request that verifies the method."""
        links = links_for(request, "method", method=str(row.pk))
        return super().page_context(request, row) | {"request_links": links}
