"""What Wise's answers to the steps before the funding prove; none of these moves money by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from marketplace_payouts.lib.http import Answer
from marketplace_payouts.lib.money import Money
from payouts.providers.base import Accepted, Deferred, Outcome, RefusalClass, Refused, Step, Unknown
from payouts.providers.wise import steps
from payouts.providers.wise.amounts import UnreadableAmount, read_amount, read_json
from payouts.providers.wise.client import CHALLENGE
from payouts.providers.wise.codes import Reason, reason_of
from payouts.providers.wise.errors import Problem, read_problem
from payouts.providers.wise.fields import read_id, read_objects, read_text

LARGEST_RAW: Final = 64 * 1024
_LONGEST_WAIT_S: Final = 86_400.0
# Said before anything was done with the request.
_PROCESSED_NOTHING: Final = frozenset({400, 404, 409, 415, 422})


def turned_away(answer: Answer) -> Outcome | None:
    """This will say what an answer means at Wise's gate, whatever was asked; None where it went through."""
    raw = answer.body[:LARGEST_RAW]
    if answer.status == 401:
        return Deferred(
            "Wise does not take our token: check it, and its allowed addresses.", ours=True, raw=raw
        )
    if answer.status == 429:
        seconds = answer.retry_after()
        wait = timedelta(seconds=min(seconds, _LONGEST_WAIT_S)) if seconds is not None else None
        return Deferred("Wise asks us to slow down.", retry_after=wait, raw=raw)
    if answer.status == 403:
        return Deferred(_forbidden(answer), ours=True, raw=raw)
    return None


def _forbidden(answer: Answer) -> str:
    if CHALLENGE in answer.headers:
        return (
            "Wise asks for strong authentication: pay the transfer on wise.com, where you can prove who you are,"
            " and lift the hold."
        )
    return (
        "Wise does not let our token do this. Where it may not fund, as in most countries, set WISE_FUNDING=staff;"
        " what is made already can be paid on wise.com."
    )


def read_json_answer(answer: Answer) -> Any:
    """This will give the JSON of an answer, or None where it is none."""
    try:
        return read_json(answer.body)
    except ValueError:
        return None


def read_quote(answer: Answer, *, step: Step, profile: str) -> Outcome:
    """This will take a quote if it is for what we asked, and can be paid from the balance."""
    return _read(
        answer, lambda value: _quote(value, step=step, profile=profile, raw=answer.body[:LARGEST_RAW])
    )


def read_recipient(answer: Answer, *, step: Step) -> Outcome:
    """This will go on only if the recipient is what it was when the payout was approved.

    Its bank account is not kept with the answers: Wise's id of it is all that we need.
    """
    return _read(answer, lambda value: _recipient(value, step=step))


def read_requirements(answer: Answer, *, step: Step) -> Outcome:
    """This will go on only if we can answer all that Wise wants to know."""
    return _read(answer, lambda value: _requirements(value, step=step, raw=answer.body[:LARGEST_RAW]))


def refused(problem: Problem, *, raw: bytes) -> Refused:
    """This will refuse for the first of an error's reasons that is known."""
    reasons = [reason_of(one.code, one.path, one.message) for one in problem.details]
    known = next((one for one in reasons if one.refusal is not RefusalClass.UNCLASSIFIED), reasons[0])
    return refusal(problem.code, known, problem.sentence(), raw=raw)


def refusal(code: str, reason: Reason, told: str, *, raw: bytes) -> Refused:
    """This will refuse; what is ours to mend is sent as it is once more, everything else never again."""
    return Refused(
        code=code[:80],
        refusal=reason.refusal,
        message=f"{reason.sentence} {told}".strip(),
        key_is_spent=reason.refusal is not RefusalClass.OURS,
        settles_earlier=False,
        raw=raw,
    )


def _read(answer: Answer, take: Callable[[Any], Outcome]) -> Outcome:
    """Read the answer to a step that neither moves money nor makes anything that could."""
    raw = answer.body[:LARGEST_RAW]
    gate = turned_away(answer)
    if gate is not None:
        return gate
    problem = None if answer.ok else read_problem(answer.body)
    if problem is not None and answer.status in _PROCESSED_NOTHING:
        return refused(problem, raw=raw)
    value = read_json_answer(answer) if answer.ok else None
    if value is None:
        return Unknown(f"Wise answered {answer.status} with nothing that can be read.", raw=raw)
    return take(value)


def _quote(value: Any, *, step: Step, profile: str, raw: bytes) -> Outcome:
    sent = read_json(step.body)
    assert isinstance(sent, dict)
    reference, pay_out = read_text(value, "id"), read_text(value, "payOut")
    for notice in read_objects(value.get("notices") if isinstance(value, dict) else None):
        if read_text(notice, "type") == "BLOCKED":
            reason = Reason(RefusalClass.FINAL, "Wise does not pay this.")
            return refusal("quote.blocked", reason, read_text(notice, "text"), raw=raw)
    option = _balance_option(value, pay_out)
    if not reference or not isinstance(value, dict) or read_id(value, "profile") != profile:
        return Unknown("Wise's quote is not for our profile, or has no id.", raw=raw)
    if option is None or option.get("disabled"):
        why = read_text((option or {}).get("disabledReason"), "message")
        # Not ours in the engine's sense: that would stop the other currencies as well.
        reason = Reason(
            RefusalClass.UNCLASSIFIED,
            "Wise does not let us pay this from a balance: open one in its currency, then retry.",
        )
        return refusal("quote.no-balance", reason, why, raw=raw)
    wanted = (sent["sourceCurrency"], sent["targetCurrency"], sent["targetAmount"])
    got = (option.get("sourceCurrency"), option.get("targetCurrency"), option.get("targetAmount"))
    if got != wanted:
        return Unknown("Wise's quote is for something else than we asked.", raw=raw)
    fee = fee_of(option)
    facts = {"expires": read_text(value, "expirationTime"), "pay_out": pay_out}
    return Accepted(reference, facts={**facts, "fee": "" if fee is None else str(fee)}, raw=raw)


def _balance_option(quote: Any, pay_out: str) -> Mapping[str, Any] | None:
    """The way to pay from the balance; a quote's own amounts are those of another way."""
    for one in read_objects(quote.get("paymentOptions") if isinstance(quote, dict) else None):
        if read_text(one, "payIn") == "BALANCE" and read_text(one, "payOut") == pay_out:
            return one
    return None


def fee_of(option: Mapping[str, Any]) -> Money | None:
    """This will give what a way of paying costs; None where it cannot be read."""
    price = option.get("price")
    total = price.get("total") if isinstance(price, Mapping) else None
    value = total.get("value") if isinstance(total, Mapping) else None
    fee = option.get("fee")
    try:
        if isinstance(value, Mapping) and value.get("amount") is not None:
            return read_amount(value.get("amount"), value.get("currency"))
        if isinstance(fee, Mapping):
            return read_amount(fee.get("total"), option.get("sourceCurrency"))
    except UnreadableAmount:
        return None
    return None


def quoted_fee(quote: Any) -> Money | None:
    """This will give what paying a quote from the balance costs; None where it cannot be read."""
    option = _balance_option(quote, read_text(quote, "payOut"))
    return None if option is None else fee_of(option)


def _recipient(value: Any, *, step: Step) -> Outcome:
    expected = json.loads(step.body)
    if read_id(value, "id") != str(expected["recipient"]):
        return Unknown("Wise shows another recipient than the one that was asked for.")
    wrong = [
        name for name in ("hash", "currency") if expected[name] and read_text(value, name) != expected[name]
    ]
    if value.get("active") is False:
        wrong.append("active")
    if wrong:
        reason = Reason(
            RefusalClass.PAYEE,
            "The bank account is not any more what it was when it was given: give it again.",
        )
        return refusal("recipient.changed", reason, f"Differs in {', '.join(wrong)}.", raw=b"")
    return Accepted(str(expected["recipient"]))


def _requirements(value: Any, *, step: Step, raw: bytes) -> Outcome:
    told = json.loads(step.body)["details"]
    asked = list(_asked(value))
    missing = [
        key
        for one in asked
        if one.get("required") is True and (key := read_text(one, "key")) not in (*told, "reference")
    ]
    if missing:
        settings = [steps.SETTINGS[key] for key in missing if key in steps.SETTINGS]
        how = f"Set {' and '.join(settings)}." if settings else "Pay this one on wise.com."
        reason = Reason(RefusalClass.UNCLASSIFIED, f"Wise wants to know more of this transfer. {how}")
        return refusal("transfer.requirements", reason, f"It asks for {', '.join(missing)}.", raw=raw)
    longest = next((one.get("maxLength") for one in asked if read_text(one, "key") == "reference"), None)
    facts = {
        steps.ASKED: " ".join(read_text(one, "key") for one in asked),
        steps.LONGEST_REFERENCE: str(longest) if isinstance(longest, int) else "",
    }
    return Accepted(reference=json.loads(step.body)["quoteUuid"], facts=facts, raw=raw)


def _asked(value: Any) -> Iterable[Mapping[str, Any]]:
    for form in read_objects(value):
        for field in read_objects(form.get("fields")):
            yield from read_objects(field.get("group"))
