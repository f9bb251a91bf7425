"""Two-person acts about payees and approvers: payout methods, approvers' limits."""

from __future__ import annotations

from accounts.models import Payee, User
from accounts.roles import may
from marketplace_payouts.lib.currencies import format_amount
from payouts import methods, verification
from payouts.acts.base import Act, Asked, ended
from payouts.errors import Refused
from payouts.models import ApproverLimit, PayoutMethod
from payouts.providers import registry
from payouts.providers.bank_file import destinations as bank_destinations


def _clean(asked: Asked) -> str:
    clean = methods.read(asked.text("provider"), asked.secret)
    return registry.get(asked.text("provider")).mask(clean)


def _method_summary(asked: Asked) -> str:
    payee = asked.row(Payee, "payee")
    return f"Pay {payee} through {asked.text('provider')} to {_clean(asked)} from now on."


def _add_method(asked: Asked) -> None:
    """Without a word on what was checked, the payee confirms by a link that is mailed to the address itself."""
    method = methods.replace(
        payee_id=asked.row(Payee, "payee").pk,
        provider=asked.text("provider"),
        given=asked.secret,
        made_by=asked.made_by,
        seconded_by=asked.seconded_by,
        verified_how=asked.text("checked", default=""),
        now=asked.now,
    )
    if method.verified_at is None:
        verification.ask(method, now=asked.now)


def _verify_method(asked: Asked) -> None:
    method = asked.row(PayoutMethod, "method", lock=True)
    methods.verify(method, how=asked.text("checked"), by=asked.seconded_by, now=asked.now)


def _approver(asked: Asked) -> User:
    user = asked.row(User, "user")
    if not may(user, "act_approve"):
        raise Refused(f"{user} is no approver.")
    if user.pk in (asked.made_by.pk, asked.seconded_by.pk if asked.seconded_by else None):
        raise Refused("Nobody sets or seconds their own limit.")
    return user


def _set_limit(asked: Asked) -> None:
    limit = asked.money()
    ApproverLimit.objects.update_or_create(
        user=_approver(asked),
        currency=limit.currency,
        defaults={
            "units": limit.units,
            "window_hours": asked.whole("window_hours", default=24),
            "changed_by": asked.made_by,
            "changed_at": asked.now,
        },
    )


ACTS = {
    "method_add": Act(
        label="Set where a payee is paid",
        needs="act_request",
        fields=("payee", "provider", "checked"),
        secret_fields=("email", "paypal_id", *bank_destinations.FIELDS),
        check=_method_summary,
        summary=_method_summary,
        apply=_add_method,
    ),
    "method_verify": Act(
        label="Say that a payout method was checked",
        needs="act_request",
        fields=("method", "checked"),
        check=lambda asked: (asked.row(PayoutMethod, "method"), asked.text("checked")),
        summary=lambda asked: (
            f"Take {asked.row(PayoutMethod, 'method')} as verified: {ended(asked.text('checked'))}"
        ),
        apply=_verify_method,
    ),
    "limit_set": Act(
        label="Set an approver's limit",
        needs="act_limits",
        fields=("user", "currency", "units", "window_hours"),
        check=lambda asked: (_approver(asked), asked.money()),
        summary=lambda asked: (
            f"Let {_approver(asked)} approve up to {format_amount(asked.money())}"
            f" in {asked.whole('window_hours', default=24)} hours."
        ),
        apply=_set_limit,
    ),
}
