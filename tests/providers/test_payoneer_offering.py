"""How payees come to be paid through Payoneer: a page of Payoneer's, and what it says of them."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

import pytest
import requests

from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError, ProviderError, ProviderUnavailable
from payouts.providers.offering import Hosted, HostedState, Kind, Proof, Receiver
from payouts.providers.payoneer.destinations import mask, payee_id_of
from payouts.providers.payoneer.provider import Payoneer
from tests.sandbox.test_payoneer import fill_in
from tests.sandbox_services import SandboxService

ADA = Receiver(payee=str(uuid.UUID(int=7)), country="NG", currencies=["USD"])
BACK = "https://shop.example/back"


def standing(provider: Payoneer, receiver: Receiver = ADA) -> Hosted:
    asked = provider.offering.requirements(receiver, {})
    assert isinstance(asked, Hosted)
    return asked


def test_it_is_hosted_and_knows_payees_itself(payoneer: Payoneer):
    assert (payoneer.offering.kind, payoneer.offering.proof) == (Kind.HOSTED, Proof.SERVICE)


def test_a_payee_is_known_by_our_id_written_in_thirty_characters():
    short = payee_id_of(ADA.payee)
    assert len(short) == 26
    assert short == payee_id_of(ADA.payee.upper())
    assert short != payee_id_of(str(uuid.UUID(int=8)))
    assert short[-4:] in mask({"payee_id": short})
    assert "anna" not in mask({"payee_id": "anna"})
    assert payee_id_of("payee-1") == "payee-1"
    with pytest.raises(ProviderError):
        payee_id_of("no id at all")


@pytest.mark.parametrize(
    ("decision", "state"),
    [("Active", HostedState.READY), ("Pending", HostedState.PENDING), ("Inactive", HostedState.DECLINED)],
)
def test_a_payee_registers_and_stands_as_payoneer_decides(
    payoneer: Payoneer, decision: str, state: HostedState
):
    before = standing(payoneer)
    assert before.state is HostedState.NOT_STARTED
    with pytest.raises(DestinationError, match="Register"):
        payoneer.offering.destination(ADA, {})
    page = fill_in(before.open(BACK).url, decision=decision)
    assert f'content="3;url={BACK}"' in page.text
    after = standing(payoneer)
    assert after.state is state
    assert ("could not be verified" in after.sentence) == (state is HostedState.DECLINED)
    if state is HostedState.READY:
        assert payoneer.offering.destination(ADA, {}) == {"payee_id": payee_id_of(ADA.payee)}
    else:
        with pytest.raises(DestinationError):
            payoneer.offering.destination(ADA, {})


def test_each_link_is_made_anew(payoneer: Payoneer):
    hosted = standing(payoneer)
    first, second = hosted.open(BACK).url, hosted.open(BACK).url
    assert first != second
    assert all(requests.get(url, timeout=10).ok for url in (first, second))


@pytest.mark.parametrize(
    ("base", "url", "is_good"),
    [
        ("https://api.payoneer.com", "https://payouts.payoneer.com/partners/lp.aspx?token=t", True),
        ("https://api.payoneer.com", "http://payouts.payoneer.com/partners/lp.aspx", False),
        ("https://api.payoneer.com", "https://payoneer.com.evil.example/", False),
        ("https://api.payoneer.com", "https://evilpayoneer.com/", False),
        ("https://api.payoneer.com", "javascript:alert(1)", False),
        ("https://api.payoneer.com", "", False),
        ("http://127.0.0.1:8804", "http://127.0.0.1:8804/partners/lp.aspx", True),
        ("http://127.0.0.1:8804", "http://127.0.0.1:9/partners/lp.aspx", False),
    ],
)
def test_a_link_leads_to_payoneer_alone(payoneer: Payoneer, base: str, url: str, is_good: bool):
    offering = payoneer.offering
    offering._client.base_url = base  # type: ignore[attr-defined]
    assert offering._is_payoneers(url) is is_good  # type: ignore[attr-defined]


def test_a_payee_whom_payoneer_knows_may_go_on_there(payoneer: Payoneer, payoneer_sandbox: SandboxService):
    payoneer_sandbox.post("/_sandbox/payees", {"payee_id": payee_id_of(ADA.payee), "status": "Active"})
    assert urlsplit(standing(payoneer).open(BACK).url).path == "/partners/lp.aspx"


@pytest.mark.parametrize("kind", ["error_before", "html_body", "truncated_body", "drop_before", "rate_limit"])
def test_a_payoneer_that_cannot_be_asked_is_unavailable(
    payoneer: Payoneer, payoneer_sandbox: SandboxService, kind: str
):
    hosted = standing(payoneer)
    payoneer_sandbox.fault(kind)
    with pytest.raises(ProviderUnavailable):
        standing(payoneer)
    with pytest.raises(ProviderUnavailable):
        hosted.open(BACK)


def test_only_the_programs_currency_is_offered(payoneer: Payoneer):
    offering = payoneer.offering
    assert offering.refusal(ADA) == ""
    assert "EUR" in offering.refusal(Receiver("p", currencies=["EUR"]))
    assert offering.refusal(Receiver("p", currencies=["EUR", "USD"])) == ""
    assert offering.refusal(Receiver("p")) == ""


def test_what_payoneer_does_not_tell_is_not_guessed(payoneer: Payoneer):
    terms = payoneer.offering.terms(ADA, currency="USD", amount=Money(100, "USD"))
    assert (terms.fee, terms.amount, terms.arrives_within) == (None, None, None)
    assert all((terms.fee_note, terms.amount_note, terms.arrival_note))
    nothing = payoneer.offering.terms(ADA, currency="USD", amount=None)
    assert "owed nothing" in nothing.amount_note
    other = payoneer.offering.terms(ADA, currency="JPY", amount=Money(100, "JPY"))
    assert "JPY" in other.fee_note
