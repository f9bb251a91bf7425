"""The provider: what the service can do, declared truly, and its answers in our words."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from marketplace_payouts.lib.http import (
    Answer,
    AnswerUnreadable,
    HttpClient,
    HttpError,
    MaybeReceived,
    NotSent,
    Timeouts,
    json_body,
    url_path,
)
from marketplace_payouts.lib.money import Money
from payouts.providers import environ
from payouts.providers.base import (
    Absent,
    Accepted,
    BadItem,
    BadWebhook,
    Balance,
    BatchView,
    Cancelled,
    CannotTell,
    Capabilities,
    ConnectionReport,
    Deferred,
    DestinationError,
    Done,
    Found,
    Hint,
    ItemRefusal,
    Key,
    NotCancellable,
    Observation,
    Outcome,
    Progress,
    ProviderError,
    ProviderUnavailable,
    RawWebhook,
    ReferenceVanished,
    RefusalClass,
    Refused,
    Statement,
    StatementLine,
    Status,
    Step,
    Unknown,
)
from payouts.providers.offering import Field, Form, Kind, Offering, Proof, Receiver, Terms

CREATE, FUND = "create", "fund"
CREATED = "created"
STATUSES = {
    CREATED: Status.PROCESSING,
    "processing": Status.PROCESSING,
    "paid": Status.PAID,
    "failed": Status.FAILED,
    "returned": Status.RETURNED,
}
REFUSALS = {
    "BAD_AMOUNT": ItemRefusal("BAD_AMOUNT", RefusalClass.FINAL, "The amount cannot be sent."),
    "BAD_ACCOUNT": ItemRefusal("BAD_ACCOUNT", RefusalClass.PAYEE, "The account does not exist."),
    "ACCOUNT_CLOSED": ItemRefusal("ACCOUNT_CLOSED", RefusalClass.PAYEE, "The account is closed."),
    "INSUFFICIENT_FUNDS": ItemRefusal("INSUFFICIENT_FUNDS", RefusalClass.OURS, "Our balance is too small."),
}
_ACCOUNT = re.compile(r"[a-z0-9+-]{3,40}")


class TwoStepOffering:
    """Anybody is paid, to an account that they name; it costs nothing, and nobody knows how long it takes."""

    kind = Kind.FORM
    proof = Proof.LOG_IN

    def refusal(self, receiver: Receiver) -> str:
        """Refuse nobody."""
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """Pay all of it."""
        return Terms(currency, Money.zero(currency), amount, None, arrival_note="It does not say.")

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Form:
        """Ask for the account."""
        return Form([Field("account", "Account", pattern="[A-Za-z0-9+-]{3,40}", max_length=40)])

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """Take the account."""
        return {"account": values["account"].lower()}


class TwoStep:
    """Create, then fund; nothing is deduplicated."""

    name = "two_step"
    label = "Two steps"
    offering: Offering = TwoStepOffering()

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        webhook_secret: str = "",
        settle_s: float = 2.0,
        patience_s: float = 30.0,
    ) -> None:
        timeouts = Timeouts(read=patience_s, total=patience_s)
        self._http = HttpClient(base_url=base_url, timeouts=timeouts, allow_loopback_http=True)
        self._token = token
        self._secret = webhook_secret
        self.capabilities = Capabilities(
            items_per_batch=1,
            one_currency_per_batch=True,
            dedupes=False,
            key_window=timedelta(0),
            settle_time=timedelta(seconds=settle_s),
            lookup_by_key=True,
            can_cancel=False,
            separate_funding=True,
            return_window=timedelta(days=60),
            poll_every=timedelta(seconds=30),
            concurrency=4,
            calls_per_second=50.0,
            exponents={"EUR": 2, "USD": 2, "JPY": 0},
            caps={},
        )

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """Read TWO_STEP_BASE_URL and TWO_STEP_TOKEN, both or neither."""
        found = environ.read_together(
            env, ("TWO_STEP_BASE_URL", "TWO_STEP_TOKEN"), label="The two-step service"
        )
        if found is None:
            return None
        return cls(
            base_url=found[0],
            token=found[1],
            webhook_secret=environ.read(env, "TWO_STEP_WEBHOOK_SECRET"),
            settle_s=float(environ.read(env, "TWO_STEP_SETTLE_S") or "2"),
            patience_s=float(environ.read(env, "TWO_STEP_PATIENCE_S") or "30"),
        )

    # Paying --------------------------------------------------------------------------------------------------

    def next_step(self, progress: Progress) -> Step | Done:
        """Create, then fund what was created, then be done."""
        answers = {answer.step: answer for answer in progress.answers if answer.reference}
        if FUND in answers:
            return Done(answers[FUND].reference)
        if CREATE in answers:
            transfer = answers[CREATE].reference
            return Step(
                name=FUND,
                key=f"{progress.batch_key}:{FUND}",
                body=json_body({"from": "balance"}),
                moves_money=True,
                path=f"/transfers{url_path(transfer)}/fund",
            )
        if len(progress.items) != 1:
            raise ProviderError("The two-step service takes one payment at a time.")
        item = progress.items[0]
        if item.amount.currency not in self.capabilities.exponents:
            raise BadItem(f"{item.amount.currency} is not sent.", item_key=item.key)
        body = {
            "reference": item.key,
            "account": item.destination["account"],
            "currency": item.amount.currency,
            "units": str(item.amount.units),
        }
        return Step(
            name=CREATE,
            key=f"{progress.batch_key}:{CREATE}",
            body=json_body(body),
            moves_money=False,
            path="/transfers",
        )

    def transmit(self, step: Step) -> Outcome:
        """Send a step's bytes."""
        try:
            answer = self._call("POST", step.path, body=step.body)
        except NotSent as error:
            return Deferred(str(error))
        except MaybeReceived as error:
            return Unknown(str(error))
        if answer.status in (401, 429):
            return Deferred("Turned away unread.", ours=answer.status == 401, raw=answer.body)
        value = _object(answer)
        if value is None or answer.status >= 500:
            return Unknown(f"The service answered {answer.status}.", raw=answer.body)
        if not answer.ok:
            return _refused(value, answer)
        return _created(value, step, answer) if step.name == CREATE else _funded(value, answer)

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """List what there is under our reference: the only question that the service answers."""
        (reference,) = key.item_keys
        try:
            value = self._read("/transfers", params={"reference": reference})
            views = [_view(transfer, key.batch_key) for transfer in value["transfers"]]
        except (ProviderUnavailable, KeyError, TypeError) as error:
            return CannotTell(str(error))
        funded = [view for view in views if view.raw_status != CREATED]
        if funded or (views and key.step_key.endswith(CREATE)):
            return Found((funded or views)[0])
        as_of = datetime.fromtimestamp(value["as_of"], UTC)
        return Absent(
            as_of=as_of,
            # The list tells of everything up to its own time, which lags by the settle time already.
            authoritative=as_of >= key.last_sent_at,
            reason="The list has nothing under our reference.",
        )

    # Reading -------------------------------------------------------------------------------------------------

    def fetch(self, reference: str) -> BatchView:
        """Read one transfer; it is its own batch."""
        return _view(self._read(f"/transfers{url_path(reference)}"), "")

    def fetch_item(self, reference: str) -> Observation:
        """Read one transfer."""
        return self.fetch(reference).observations[0]

    def cancel(self, item_reference: str) -> Cancelled | NotCancellable | Unknown:
        """Say that it cannot be done."""
        return NotCancellable("This service cancels nothing.")

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """Verify by the shared secret."""
        wanted = hmac.new(self._secret.encode(), request.body, hashlib.sha256).hexdigest()
        if not self._secret or not hmac.compare_digest(wanted, request.headers.get("x-signature", "")):
            raise BadWebhook("The signature does not fit.")
        event = json.loads(request.body)
        transfer = event["transfer"]
        return [
            Hint(
                event_id=event["event"],
                kind=transfer["status"],
                batch_reference=transfer["id"],
                item_reference=transfer["id"],
                item_key=transfer["reference"],
            )
        ]

    def balances(self) -> Sequence[Balance]:
        """Read the balances."""
        value = self._read("/balance")
        as_of = datetime.fromtimestamp(value["as_of"], UTC)
        return [Balance(Money(int(units), currency), as_of) for currency, units in value["available"].items()]

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """List the movements."""
        value = self._read("/movements")
        lines = [_line(one) for one in value["movements"]]
        return Statement(
            lines=[line for line in lines if since <= line.at <= until],
            complete_until=min(until, datetime.fromtimestamp(value["as_of"], UTC)),
        )

    def check(self) -> ConnectionReport:
        """Try the balances."""
        try:
            balances = self.balances()
        except ProviderUnavailable as error:
            return ConnectionReport(ok=False, account="", scopes=(), missing=[str(error)], balances=())
        return ConnectionReport(ok=True, account="two steps", scopes=(), missing=(), balances=balances)

    # Destinations --------------------------------------------------------------------------------------------

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Take `account`."""
        account = given.get("account", "").strip().lower()
        if set(given) != {"account"} or not _ACCOUNT.fullmatch(account):
            raise DestinationError("Give the account: 3 to 40 letters and digits.", field="account")
        return {"account": account}

    def mask(self, destination: Mapping[str, str]) -> str:
        """Show the last two characters."""
        return f"••••{destination['account'][-2:]}"

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """Give the account."""
        return destination["account"]

    # Wire ----------------------------------------------------------------------------------------------------

    def _call(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        return self._http.request(
            method,
            path,
            params=params or {},
            headers={"Authorization": f"Bearer {self._token}"},
            body=body,
            content_type="application/json" if body is not None else "",
        )

    def _read(self, path: str, *, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        try:
            answer = self._call("GET", path, params=params)
        except HttpError as error:
            raise ProviderUnavailable(str(error)) from error
        value = _object(answer)
        if answer.status == 404 and value is not None:
            raise ReferenceVanished("The service does not know this transfer.")
        if not answer.ok or value is None:
            raise ProviderUnavailable(f"The service answered {answer.status}.")
        return value


def _object(answer: Answer) -> Mapping[str, Any] | None:
    try:
        value = answer.json()
    except AnswerUnreadable:
        return None
    return value if isinstance(value, dict) else None


def _refused(value: Mapping[str, Any], answer: Answer) -> Outcome:
    refusal = REFUSALS.get(str(value.get("code")))
    if answer.status != 422 or refusal is None:
        return Unknown(f"The service answered {answer.status}.", raw=answer.body)
    # Only what we can mend ourselves is worth the same bytes once more.
    is_ours = refusal.refusal is RefusalClass.OURS
    return Refused(refusal.code, refusal.refusal, refusal.message, key_is_spent=not is_ours, raw=answer.body)


def _created(value: Mapping[str, Any], step: Step, answer: Answer) -> Outcome:
    sent = json.loads(step.body)
    echoed = {name: value.get(name) for name in sent}
    if echoed != sent or not isinstance(value.get("id"), str):
        return Unknown("The service says that it created something else.", raw=answer.body)
    return Accepted(reference=value["id"], item_references={sent["reference"]: value["id"]}, raw=answer.body)


def _funded(value: Mapping[str, Any], answer: Answer) -> Outcome:
    transfer = value.get("transfer")
    if value.get("status") == "rejected" and value.get("code") in REFUSALS:
        refusal = REFUSALS[value["code"]]
        return Refused(
            refusal.code,
            refusal.refusal,
            refusal.message,
            key_is_spent=False,
            settles_earlier=False,
            raw=answer.body,
        )
    if value.get("status") != "funded" or not isinstance(transfer, dict):
        return Unknown("The service's answer to the funding cannot be read.", raw=answer.body)
    return Accepted(
        reference=transfer["id"], item_references={transfer["reference"]: transfer["id"]}, raw=answer.body
    )


def _view(transfer: Mapping[str, Any], batch_key: str) -> BatchView:
    observed = _observation(transfer)
    closed = observed.status in {Status.PAID, Status.FAILED, Status.RETURNED}
    return BatchView(observed.reference, batch_key, observed.raw_status, closed, None, [observed])


def _observation(transfer: Mapping[str, Any]) -> Observation:
    try:
        observed = Observation(
            item_key=transfer["reference"],
            reference=transfer["id"],
            status=STATUSES.get(transfer["status"], Status.UNRECOGNISED),
            raw_status=transfer["status"],
            amount=Money(int(transfer["units"]), transfer["currency"]),
            destination=transfer["account"],
            batch_reference=transfer["id"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ProviderUnavailable(f"The service's transfer cannot be read: {error}") from error
    if observed.status is Status.RETURNED:
        back = Money(int(transfer["returned"]), transfer["currency"])
        return replace(observed, returned=back, return_reference=f"{observed.reference}-back")
    if observed.status is Status.FAILED:
        unknown = ItemRefusal(
            transfer["reason"], RefusalClass.UNCLASSIFIED, "The service gave no known reason."
        )
        return replace(observed, refusal=REFUSALS.get(transfer["reason"], unknown))
    return observed


def _line(movement: Mapping[str, Any]) -> StatementLine:
    return StatementLine(
        reference=movement["id"],
        item_key=movement["reference"],
        item_reference=movement["transfer"],
        kind=movement["kind"],
        amount=Money(int(movement["units"]), movement["currency"]),
        at=datetime.fromtimestamp(movement["at"], UTC),
        destination=movement["account"],
    )
