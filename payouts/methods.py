"""Payout methods as the payee or staff give them: sealed, versioned, verified, cooled down, replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, QuerySet

from accounts.models import Payee, User
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crypto import CryptoError, Tampered
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from payouts import dissolving, holding, marks, method_changes, readiness
from payouts.actors import Actor
from payouts.errors import Refused
from payouts.method_changes import Author
from payouts.models import Hold, MethodChange, Payout, PayoutMethod, State
from payouts.providers import registry
from payouts.providers.base import DestinationError, ProviderError

log = logger(__name__)


def destination(method: PayoutMethod) -> Mapping[str, str]:
    """This will open a method's destination; it is needed where money is sent, and nowhere else.

    :raises CryptoError: when the ciphertext was changed, moved to another row, or its key is missing.
    :raises Tampered: when it is not the destination that the method's fingerprint, and so every approval, binds.
    """
    opened: dict[str, str] = json.loads(crypto.open(bytes(method.details), aad=method.pk.bytes))
    if not crypto.constant_time_equal(fingerprint(method.provider, opened), method.fingerprint):
        raise Tampered("The sealed destination is not the one that the method's fingerprint binds.")
    return opened


def contact(method: PayoutMethod | None) -> str:
    """This will give the e-mail address that a method is; nothing where it is none, or cannot be opened any more."""
    if method is None:
        return ""
    try:
        return destination(method).get("email", "")
    except (CryptoError, ProviderError) as error:
        log.warning("method_not_opened", method=str(method.pk), reason=type(error).__name__)
        return ""


def fingerprint(provider: str, given: Mapping[str, str]) -> str:
    """This will give the keyed fingerprint by which equal destinations are found and echoes compared."""
    return marks.of_echo(provider, registry.get(provider).destination_echo(given))


def echo_fingerprint(provider: str, echo: str) -> str:
    """This will give the fingerprint of a destination in the form in which the provider echoes it."""
    return marks.of_echo(provider, echo)


def possible_fingerprints(word: str, *, fields: Sequence[str]) -> list[str]:
    """This will give the fingerprint of every destination that one word may be, whichever of the fields it fills."""
    found = []
    for provider in registry.PROVIDERS:
        for name in fields:
            try:
                found.append(fingerprint(provider, read(provider, {name: word})))
            except Refused:
                continue  # no destination of this provider, or the provider is not set up here
    return found


def read(provider: str, given: Mapping[str, str]) -> Mapping[str, str]:
    """This will check and normalise a destination.

    :raises Refused: when the provider is not set up, or the destination cannot be paid to.
    """
    try:
        return registry.get(provider).read_destination(given)
    except DestinationError as error:
        raise Refused(str(error)) from error
    except ProviderError as error:
        raise Refused(f"{provider}: {error}") from error


def replace(
    *,
    payee_id: UUID,
    provider: str,
    given: Mapping[str, str],
    made_by: User | None,
    seconded_by: User | None,
    verified_how: str = "",
    by: Author | None = None,
    now: datetime,
) -> PayoutMethod:
    """This will make a new version of where a payee is paid, inside the caller's transaction.

    The former method is retired under lock, and payouts that are not being sent yet are let go: what they covered is
    gathered again for the new method, with a new approval. A first method has no cool-down but is never approved by
    a policy; a changed one waits for `METHOD_COOL_DOWN`. Who changed it stays on record, and the old and the new
    address are told. `by` is a payee who says so themselves; without it staff made and seconded it.

    :raises Refused: when the destination cannot be paid to, or is the present one.
    """
    clean = read(provider, given)
    payee, present = lock(payee_id)
    mark = fingerprint(provider, clean)
    if present is not None and present.fingerprint == mark:
        raise Refused(f"{payee} is paid there already.")
    last = PayoutMethod.objects.filter(payee=payee).aggregate(last=Max("version"))["last"] or 0
    if present is not None:
        retire(present, reason="Replaced.", now=now)
    pk = uuid7()
    method = PayoutMethod.objects.create(
        id=pk,
        payee=payee,
        version=last + 1,
        provider=provider,
        details=crypto.seal(json.dumps(dict(clean), sort_keys=True).encode(), aad=pk.bytes),
        fingerprint=mark,
        masked=registry.get(provider).mask(clean),
        made_by=made_by,
        seconded_by=seconded_by,
        created_at=now,
        first_for_payee=last == 0,
        # By the database's clock where it is later: the machine on which staff work may believe in another year.
        usable_from=now if last == 0 else max(now, database_now(connection)) + settings.METHOD_COOL_DOWN,
        verified_at=now if verified_how else None,
        verified_how=verified_how,
        verified_by=seconded_by if verified_how else None,
    )
    holding.follow(method)
    method_changes.record(
        payee=payee,
        act=MethodChange.Act.CHOSEN,
        before=present,
        after=method,
        addresses={"before": contact(present), "after": contact(method)},
        by=by or Author(made_by, method_changes.STAFF),
        seconded_by=seconded_by,
        now=now,
    )
    Payee.objects.filter(pk=payee.pk).update(next_gather_at=now)
    readiness.changed([payee.pk], now=now)
    return method


def lock(payee_id: UUID) -> tuple[Payee, PayoutMethod | None]:
    """This will lock a payee and the method to which they are paid, if there is one, as the sender locks them."""
    payee = _lock_payee(payee_id)
    present = PayoutMethod.objects.filter(payee=payee, retired_at__isnull=True).select_for_update().first()
    return payee, present


def retire(method: PayoutMethod, *, reason: str, now: datetime) -> None:
    """This will retire a locked method and let go of the payouts to it that are not being sent.

    What is being sent at this moment and does not arrive is let go later (`payouts.mending`), and so is what a hold
    stands on, once that is lifted: gathered anew it would be rid of the hold.
    """
    method.retired_at, method.retired_reason = now, reason
    method.save(update_fields=["retired_at", "retired_reason"])
    readiness.changed([method.payee_id], now=now)
    payouts = _without_the_held(_lock_payouts(Payout.objects.filter(method=method)))
    if payouts:
        dissolving.dissolve(
            payouts,
            actor=Actor.rule("method replaced"),
            reason="The payee's payout method was replaced.",
            now=now,
        )


def _lock_payee(payee_id: UUID) -> Payee:
    """Payouts before their payee, as the sender locks them, or the two would wait for each other.

    A payout that was gathered while we waited is locked in the same order: from the beginning.
    """
    while True:
        point = transaction.savepoint()
        payouts = _lock_payouts(Payout.objects.filter(payee_id=payee_id))
        payee = Payee.objects.select_for_update().get(pk=payee_id)
        present = Payout.objects.filter(payee=payee, state__in=dissolving.DISSOLVABLE)
        if not present.exclude(pk__in=[payout.pk for payout in payouts]).exists():
            transaction.savepoint_commit(point)
            return payee
        transaction.savepoint_rollback(point)


def _lock_payouts(payouts: QuerySet[Payout]) -> list[Payout]:
    rows = payouts.filter(state__in=dissolving.DISSOLVABLE).order_by("pk").select_for_update()
    return [row for row in rows if row.state in dissolving.DISSOLVABLE]


def _without_the_held(payouts: Sequence[Payout]) -> list[Payout]:
    """Those of locked payouts on which no hold stands; the others wait for `payouts.mending`, which finds them so."""
    holds = Hold.objects.filter(payout__in=payouts, lifted_at__isnull=True)
    held = set(holds.values_list("payout_id", flat=True))
    Payout.objects.filter(pk__in=held).update(blocked_by="method_present")
    return [payout for payout in payouts if payout.pk not in held]


def verify(method: PayoutMethod, *, how: str, by: User | None, now: datetime) -> None:
    """This will record that a locked method belongs to the payee, and how that was checked.

    The first word stays: later sendings rest on it.

    :raises Refused: when it is retired, or verified already.
    """
    if method.retired_at is not None:
        raise Refused("The method was replaced; there is nothing to verify.")
    if method.verified_at is not None:
        raise Refused("The method is verified already.")
    method.verified_at, method.verified_how, method.verified_by = now, how, by
    method.save(update_fields=["verified_at", "verified_how", "verified_by"])
    Payout.objects.filter(method=method, state=State.PENDING).update(next_at=now)
    readiness.changed([method.payee_id], now=now)
