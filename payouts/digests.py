"""What an approval binds: a digest over everything that was seen, and whether the approvals given still bind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import utc_now
from payouts import facts
from payouts.facts import Facts
from payouts.models import Approval, Payout


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a payout is approved for exactly what it is now."""

    valid: int
    needed: int
    void: tuple[Approval, ...]
    """Approvals that no longer bind: given for something else, or expired."""
    sentence: str

    @property
    def enough(self) -> bool:
        """Whether enough people, or a policy, approved exactly this."""
        return self.valid >= self.needed


def digest_of(one: Facts) -> bytes:
    """This will compute the digest over payout, amount, payee, method version, destination, lines, provider, rate."""
    payout, method = one.payout, one.method
    assert payout is not None
    assert method is not None
    # Asked once by the gate, and once for what is sent under it.
    one.digest = one.digest or crypto.digest(
        {
            "payout": payout.pk,
            "debt": [str(payout.debt_units), payout.debt_currency],
            "sent": [str(payout.sent_units), payout.sent_currency],
            "rate": None if payout.rate is None else str(payout.rate.normalize()),
            "quote": [payout.rate_source, payout.rate_expires_at],
            "policy": one.policy_version,
            "payee": payout.payee_id,
            "method": [method.pk, method.version],
            "destination": method.fingerprint,
            "provider": payout.provider,
            "lines": [[line.payable_id, str(line.units)] for line in one.lines],
        }
    )
    return one.digest


def people_needed(one: Facts) -> int:
    """This will tell how many people must approve: two above the threshold, or where none is set."""
    assert one.payout is not None
    if one.two_people_above is None or one.payout.debt_units > one.two_people_above:
        return 2
    return 1


def standing(one: Facts) -> Standing:
    """This will tell whether the approvals given cover what the payout is now; a policy's one counts as one."""
    wanted = digest_of(one)
    void = tuple(a for a in one.approvals if bytes(a.digest) != wanted or a.expires_at <= one.now)
    valid = [a for a in one.approvals if a not in void]
    needed = people_needed(one)
    people = len({a.by_id for a in valid})
    if people >= needed:
        return Standing(people, needed, void, "Approved.")
    if void:
        reason = "expired" if all(a.expires_at <= one.now for a in void) else "was given for something else"
        return Standing(people, needed, void, f"The approval {reason}.")
    return Standing(people, needed, void, f"{people} of {needed} approvals given.")


def digests(payout_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """This will compute what an approver of these payouts would bind now."""
    payouts = list(Payout.objects.filter(pk__in=payout_ids).select_related("payee__marketplace", "method"))
    return {pk: digest_of(one) for pk, one in facts.for_payouts(payouts, now=utc_now()).items()}
