"""What becomes of accounts, payouts, transfers and payments: by an e-mail address, or by steering."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sandbox.core import BadRequest, World

ACCOUNT = (
    "verified", "pending", "restricted", "under_review", "listed", "platform_paused", "rejected", "rejected.fraud",
    "rejected.incomplete_verification", "rejected.listed", "rejected.other", "rejected.platform_fraud",
    "rejected.platform_other", "rejected.platform_terms_of_service", "rejected.terms_of_service", "deauthorized",
)  # fmt: skip
PAYOUT = ("paid", "failed", "returned", "canceled")
"""`failed`: never arrives; `returned`: paid, and then failed."""
TRANSFER = ("reversed",)
INTENT = (
    "succeeded", "failed", "canceled", "processing", "requires_action", "refunded", "disputed", "dispute_won",
    "dispute_lost",
)  # fmt: skip
STATUSES = {"account": ACCOUNT, "payout": PAYOUT, "transfer": TRANSFER, "payment_intent": INTENT}
"""Kind → the words that steering may say of it."""

BY_LOCAL_PART = {
    "account": {
        "pending": "pending",
        "restricted": "restricted",
        "rejected": "rejected.fraud",
        "review": "under_review",
    },
    "payout": {"failed": "failed", "returned": "returned"},
}
"""The local part of an account's e-mail address, before a plus sign: `rejected+anna@example.com`."""


class Fates:
    """What steering has decided of things that are still to come."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._decreed: dict[tuple[str, str], str] = {}

    def decree(self, reference: str, status: str, *, but: Collection[str] = ()) -> None:
        """Decide of everything of that name that is to come, in each kind that has such a status, `but` some.

        :raises BadRequest: when no kind has.
        """
        kinds = [kind for kind, statuses in STATUSES.items() if status in statuses]
        if not kinds:
            known = sorted({word for statuses in STATUSES.values() for word in statuses})
            raise BadRequest(f"Unknown status {status!r}; known: {', '.join(known)}")
        kinds = [kind for kind in kinds if kind not in but]
        for kind in kinds:
            self._decreed[kind, reference] = status
        self._world.journal.write("fate", [kinds, reference, status])

    def restore(self, fact: list[list[str] | str]) -> None:
        """Take back one decision from the state file."""
        kinds, reference, status = fact
        for kind in kinds:
            self._decreed[kind, str(reference)] = str(status)

    def of(self, kind: str, names: Collection[str]) -> str | None:
        """Give what is decided of something with these names."""
        if self._decreed:
            for name in names:
                status = self._decreed.get((kind, name))
                if status is not None:
                    return status
        return _by_address(kind, names)


def _by_address(kind: str, names: Iterable[str]) -> str | None:
    words = BY_LOCAL_PART.get(kind, {})
    for name in names:
        prefix, plus, rest = name.partition("+")
        if plus and "@" in rest and prefix in words:
            return words[prefix]
    return None
