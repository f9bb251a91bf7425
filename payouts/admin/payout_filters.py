"""How the queue of payouts can be narrowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from accounts.backoffice.filters import YesNoFilter
from marketplace_payouts.lib.clock import utc_now
from payouts.admin.choices import gates
from payouts.models import Attempt, AttemptState, Hold, Payout, State
from payouts.providers.base import Status

OPEN = tuple(state for state in State if state not in (State.PAID, State.CANCELLED, State.RETURNED))
_ON_ITS_WAY_WORDS = (
    Status.AWAITING_FUNDING,
    Status.PROCESSING,
    Status.AWAITING_PAYEE,
    Status.ON_HOLD,
    Status.UNRECOGNISED,
)


class StateFilter(SimpleListFilter):
    """By state; what is not finished comes first, unless something is searched for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        """This will offer all and each state; without a choice the list shows what is open."""
        return [("all", "All"), *State.choices]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """This will name the default by what it is: open."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "Open"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:
        """This will keep one state, or what is open."""
        value = self.value()
        if value in State.values:
            return queryset.filter(state=value)
        if value is None and not request.GET.get("q"):
            return queryset.filter(state__in=OPEN)
        return queryset


def held() -> Q:
    """This will say which payouts have an open hold: their own, their payee's, their method's, or a wide one."""
    standing = Hold.objects.filter(lifted_at__isnull=True)
    wide = list(standing.filter(rail__isnull=False).values_list("rail_id", flat=True))
    if "everything" in wide:
        return Q(pk__isnull=False)
    providers = [name.partition(":")[2] for name in wide if name and name.startswith("provider:")]
    codes = [name.partition(":")[2] for name in wide if name and name.startswith("currency:")]
    return (
        Q(Exists(standing.filter(payout_id=OuterRef("pk"))))
        | Q(Exists(standing.filter(payee_id=OuterRef("payee_id"))))
        | Q(Exists(standing.filter(method_id=OuterRef("method_id"))))
        | Q(provider__in=providers)
        | Q(sent_currency__in=codes)
    )


class HeldFilter(YesNoFilter):
    """By whether an open hold covers it."""

    title = "held"
    parameter_name = "held"

    def yes(self) -> Q:
        """This will keep what a hold covers."""
        return held()


ON_ITS_WAY = (State.PENDING, State.APPROVED, State.SUBMITTING, State.SUBMITTED)


class OverdueFilter(YesNoFilter):
    """By whether it must stand before a person by now."""

    title = "waits for a person"
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """This will offer, beside both answers, what should have gone on by itself."""
        return [*super().lookups(request, model_admin), ("late", "Longer on its way than usual")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:
        """This will keep the rows that fit the answer."""
        if self.value() == "late":
            return queryset.filter(late())
        return super().queryset(request, queryset)

    def yes(self) -> Q:
        """This will keep what is open and past its patience."""
        return Q(person_after__lte=utc_now()) & Q(state__in=(*OPEN, State.RETURNED))


class HeardFilter(SimpleListFilter):
    """By what the provider said last of a payout that is on its way: unclaimed ones are found, and cancelled, by it."""

    title = "provider's newest word"
    parameter_name = "heard"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        """This will offer what can be said of money on its way."""
        return [(status.value, status.value.replace("_", " ").capitalize()) for status in _ON_ITS_WAY_WORDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:
        """This will keep the payouts of which it was said last."""
        word = self.value()
        return queryset.filter(heard(word)) if word else queryset


def heard(status: str) -> Q:
    """This will say of which payouts on their way the provider said this last."""
    said = Attempt.objects.filter(payout=OuterRef("pk"), state=AttemptState.ACCEPTED, status=status)
    return Q(Exists(said), state=State.SUBMITTED)


def late() -> Q:
    """This will say which payouts should have gone on by themselves by now."""
    return Q(person_after__lte=utc_now()) & Q(state__in=ON_ITS_WAY)


class ReturnedFilter(YesNoFilter):
    """By whether anything of it came back."""

    title = "came back, in whole or in part"
    parameter_name = "returned"

    def yes(self) -> Q:
        """This will keep what the provider gave back."""
        return Q(returned_units__gt=0)


class BlockedFilter(SimpleListFilter):
    """By the gate that stopped it last."""

    title = "blocked by"
    parameter_name = "blocked_by"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        """This will offer every gate."""
        return gates()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:
        """This will keep what the gate stopped."""
        return queryset.filter(blocked_by=self.value()) if self.value() else queryset
