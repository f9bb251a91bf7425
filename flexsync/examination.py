"""What `check_flex` finds out: whether the way from Sharetribe to us works, and what to do about what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Sum

from accounts.models import Marketplace
from flexsync import calls, identity
from flexsync.models import ApiCalls, FlexCursor, PaymentTold, WriteBack
from marketplace_payouts.lib.currencies import UnknownCurrency, exponent, to_decimal_string
from marketplace_payouts.lib.sharetribe import (
    INCLUDED_CREDITS_PER_MONTH,
    FlexBusy,
    FlexError,
    FlexThrottled,
    FlexUnavailable,
    credits_of,
    polling_credits_per_month,
)
from payouts.errors import DomainError
from payouts.models import Process, Source, Trigger

# Somebody waits for the answer.
_PATIENCE_S: Final = 10.0
_SAMPLE: Final = 12345
_QUIET_AFTER: Final = timedelta(minutes=5)
_DAYS: Final = 7
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do where it is not as it should be."""

    name: str
    ok: bool
    sentence: str
    advice: str = ""


def examine(*, now: datetime) -> list[Finding]:
    """This will look at everything between Sharetribe and the payables; asks Sharetribe who we are."""
    try:
        marketplace = identity.confirm(patience_s=_PATIENCE_S)
    except (FlexUnavailable, FlexThrottled, FlexBusy) as error:
        advice = "Nothing is said about the credentials. See that this machine reaches the host of FLEX_BASE_URL, and"
        advice += " whether Sharetribe reports trouble; then run this again."
        return [Finding("connection", ok=False, sentence=str(error), advice=advice)]
    except (FlexError, DomainError) as error:
        advice = (
            "Correct FLEX_CLIENT_ID, FLEX_CLIENT_SECRET, FLEX_BASE_URL and ENVIRONMENT, then run this again."
        )
        return [Finding("credentials", ok=False, sentence=str(error), advice=advice)]
    finally:
        calls.flush(today=now.date())
    findings = [Finding("credentials", ok=True, sentence=f"They belong to {marketplace}, {marketplace.pk}.")]
    for look in _LOOKS:
        findings += look(marketplace, now)
    return findings


def _decimals(marketplace: Marketplace, now: datetime) -> Iterator[Finding]:
    used = Source.objects.exclude(currency="").values_list("currency", flat=True).distinct()
    seen = sorted(used[:_SHOWN]) or ["EUR", "JPY", "USD"]
    samples = "; ".join(
        f"{_SAMPLE} in Sharetribe is {to_decimal_string(_SAMPLE, places)} {code}"
        for code in seen
        if (places := marketplace.exponents.get(code)) is not None
    )
    yield Finding(
        "decimals",
        ok=marketplace.exponents_confirmed_at is not None,
        sentence=f"Amounts are read so: {samples}.",
        advice="Compare with prices on the marketplace's own pages, then confirm the table in the admin"
        " (a request: exponents). Until then nothing that is due can be worked out.",
    )
    for code in marketplace.exponents:
        try:
            exponent(code)
        except UnknownCurrency as error:
            yield Finding(
                "decimals", ok=False, sentence=str(error), advice="Take it out of the marketplace's table."
            )


def _go_live(marketplace: Marketplace, now: datetime) -> Iterator[Finding]:
    at = marketplace.go_live_at
    yield Finding(
        "go_live",
        ok=at is not None,
        sentence=f"What became due since {at:%Y-%m-%d %H:%M %Z} is paid." if at else "No moment is chosen.",
        advice="Run `manage.py go_live --at now`, or with an ISO time: until then everything waits as an opening"
        " item.",
    )


def _triggers(marketplace: Marketplace, now: datetime) -> Iterator[Finding]:
    enabled = list(Trigger.objects.filter(enabled=True).select_related("process").order_by("pk"))
    yield Finding(
        "triggers",
        ok=bool(enabled),
        sentence=f"{len(enabled)} are switched on.",
        advice="Switch on, in the admin, the transitions at which your sellers are due.",
    )
    seen = dict(Source.objects.values_list("process_name").annotate(Count("pk")))
    matched = dict(Source.objects.filter(trigger__isnull=False).values_list("trigger").annotate(Count("pk")))
    useful = {one.process.name for one in enabled if matched.get(one.pk)}
    for one in enabled:
        count = matched.get(one.pk, 0)
        # A way to become due that nobody took yet is no mistake, as long as one of the others was taken.
        yield Finding(
            "trigger",
            ok=one.process.name in useful or not seen.get(one.process.name),
            sentence=f"{one} matched {count} of {seen.get(one.process.name, 0)} transactions.",
            advice="Compare the transition's name with the process in Sharetribe: `flex-cli process`.",
        )
        if one.process.uses_stripe and one.process.pays_nothing_at is None:
            yield Finding(
                "stripe",
                ok=False,
                sentence=f"{one.process} may run Sharetribe's own Stripe payout; whatever it makes due is held.",
                advice="Confirm in the admin that Sharetribe pays no seller in this process, or switch it off.",
            )
    unknown = sorted(set(seen) - {""} - set(Process.objects.values_list("name", flat=True)))
    if unknown:
        yield Finding(
            "processes",
            ok=False,
            sentence=f"Transactions of processes without a trigger were heard: {', '.join(unknown[:_SHOWN])}.",
            advice="Add a trigger for each that makes sellers due, in the admin.",
        )


def _hearing(marketplace: Marketplace, now: datetime) -> Iterator[Finding]:
    cursor = FlexCursor.objects.filter(marketplace=marketplace).first()
    polled = cursor.polled_at if cursor else None
    is_fresh = polled is not None and now - polled < _QUIET_AFTER
    yield Finding(
        "poller",
        ok=is_fresh,
        sentence=f"It last asked at {polled:%Y-%m-%d %H:%M:%S %Z}." if polled else "It has never asked.",
        advice="Start the cluster (`./run serve`), or ask once by `manage.py poll_flex --once`.",
    )
    if cursor is not None and cursor.error:
        yield Finding("poller", ok=False, sentence=cursor.error, advice="It tries again within a minute.")
    behind = Source.objects.filter(next_at__lte=now - _QUIET_AFTER, parked_at__isnull=True).count()
    yield Finding(
        "understanding",
        ok=not behind,
        sentence=f"{behind} transactions wait to be understood for more than five minutes.",
        advice="See that the cluster runs and is not overloaded.",
    )


def _put_aside(marketplace: Marketplace, now: datetime) -> Iterator[Finding]:
    parked = Source.objects.filter(parked_at__isnull=False)
    reasons = parked.values_list("error").annotate(n=Count("pk")).order_by("-n")[:_SHOWN]
    for error, count in reasons:
        yield Finding(
            "parked",
            ok=False,
            sentence=f"{count} transactions are put aside: {error}",
            advice="Clear up the reason, then `manage.py replay_event TRANSACTION`.",
        )
    conflicts = WriteBack.objects.filter(conflict_at__isnull=False).count()
    conflicts += PaymentTold.objects.filter(conflict_at__isnull=False).count()
    yield Finding(
        "write_back",
        ok=not conflicts,
        sentence=f"{conflicts} transactions could not take the transition that tells an outcome.",
        advice="See the admin, under write-backs and payments told, for each one's reason.",
    )


def _credits(marketplace: Marketplace, now: datetime) -> Iterator[Finding]:
    since = now.date() - timedelta(days=_DAYS)
    made = ApiCalls.objects.filter(day__gt=since).values_list("kind").annotate(Sum("calls"))
    used = sum(credits_of(kind).credits * calls_made for kind, calls_made in made)
    days = max((now.date() - max(marketplace.created_at.date(), since)).days, 1)
    monthly = used * 30 // days
    cursor = FlexCursor.objects.filter(marketplace=marketplace).first()
    write = credits_of("transactions/transition").credits
    idle = polling_credits_per_month(interval_s=cursor.interval_seconds if cursor else 60)
    yield Finding(
        "credits",
        ok=monthly <= INCLUDED_CREDITS_PER_MONTH,
        sentence=f"About {monthly:,} API credits a month at the pace of the last {days} days, of"
        f" {INCLUDED_CREDITS_PER_MONTH:,} in a live plan; asking for events at the present interval alone takes"
        f" {idle:,}. What a write costs is not published, and counted as {write}.",
        advice="Beyond the plan Sharetribe charges by use: see its pricing.",
    )


_LOOKS: Final[tuple[Callable[[Marketplace, datetime], Iterator[Finding]], ...]] = (
    _decimals,
    _go_live,
    _triggers,
    _hearing,
    _put_aside,
    _credits,
)
