"""Schemathesis tries every operation of the document with all its checks, and finds nothing that is not listed here.

Two payees call, of whom neither must ever be told anything of the other's, and the marketplace's server. The seed is
fixed: the same is tried each time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from django.core.cache import cache
from rest_framework.response import Response

from accounts.api import schema
from accounts.api.endpoints import MeView
from accounts.models import Payee, User
from payments.models import Buyer, Intent, Seller
from payouts.models import Case, Payable, Payout, PayoutMethod
from tests import factories
from tests.accounts.conftest import join as join
from tests.api.fuzzing import IN_SESSION, SIGNED, Finding, Front, Told, findings
from tests.api_client import MarketplaceServer, OwnAccount, SharetribeUser, bearer
from tests.flexsync.conftest import world as world
from tests.sandbox_services import SandboxService
from tests.stories.world import World

ADA, BELA = "ada", "bela"
PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
GOOD, BAD = "positive_data_acceptance", "negative_data_rejection"
CHOOSE, ASK, LINK = (f"POST /api/v1/payout-methods/{name}" for name in ("", "requirements", "link"))
ONBOARDING, SESSION = "POST /api/v1/seller/onboarding", "POST /api/v1/session"
EVENTS: Final = "POST /api/v1/payments/events"


class Accepted(NamedTuple):
    """What has to stay: of which operations, by which check, with which code answered, and why."""

    operations: Collection[str]
    check: str
    codes: Collection[str]
    reason: str

    def covers(self, found: Finding) -> bool:
        """Whether this is it."""
        return found.operation in self.operations and found.check == self.check and found.code in self.codes


ACCEPTED: Final = (
    Accepted(
        (CHOOSE, ASK, LINK),
        GOOD,
        ("provider_unknown", "not_offered", "not_hosted"),
        "Which services there are, and for whom, is a matter of the installation: the offers say.",
    ),
    Accepted(
        (CHOOSE, ASK, LINK, "GET /api/v1/payout-methods/offers"),
        GOOD,
        ("country_unknown", "country_missing"),
        "Two letters that are no country's, or none where none was ever said: no pattern tells.",
    ),
    Accepted(
        (CHOOSE,),
        GOOD,
        ("required", "unknown_field", "too_long", "malformed", "cannot_be_paid"),
        "What a service's form asks for is told by the requirements, and changes with what was filled in.",
    ),
    Accepted(
        (LINK, ONBOARDING),
        GOOD,
        ("foreign_url", "url_not_allowed"),
        "People are sent back to the marketplace's own pages alone: which those are, its settings say.",
    ),
    Accepted(
        (LINK, ONBOARDING), GOOD, ("invalid",), "An address with a host that is longer than names can be."
    ),
    Accepted(
        ("POST /api/v1/seller",),
        GOOD,
        ("country_not_served", "country_fixed"),
        "Which countries Stripe serves changes, and of an account that exists it cannot.",
    ),
    Accepted(
        ("PUT /api/v1/buyer",),
        GOOD,
        ("stripe_refused",),
        "Which payment methods there are, only Stripe knows.",
    ),
    Accepted(
        (SESSION,), GOOD, ("unknown_field", "required"), "A body is sent by the server alone, and has to be."
    ),
    Accepted(
        (SESSION,),
        GOOD,
        ("invalid",),
        "A log-in that is yet to come, by a clock that the document does not have.",
    ),
    Accepted((EVENTS,), GOOD, ("invalid",), "Which currencies there are, the table of currencies says."),
    Accepted(
        (EVENTS,), BAD, ("invalid",), "Of a list each event is answered by itself, for the others are kept."
    ),
)


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.API_RATES = dict.fromkeys(settings.API_RATES, (6_000_000, 100_000))
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    # Where the document's examples lead.
    settings.CORS_ALLOWED_ORIGINS = ["https://market.example.com"]
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"return_origins": ["https://www.example.com"]}


@pytest.fixture
def front(world: World, stripe_sandbox: SandboxService) -> Iterator[Front]:
    """The product, two payees who have something of every kind, and the marketplace's server."""
    cache.clear()
    users = {name: SharetribeUser(world.flex, email=f"{name}@market.example") for name in (ADA, BELA)}
    buyer = str(users[ADA].id)
    order = world.sale(world.seller(method=False), customer=buyer, state="state/pending-payment")
    tokens = {f"Bearer {user.token()}": name for name, user in users.items()}
    made = Front(
        people={name: visited(user, name) for name, user in users.items()},
        tokens=tokens,
        server=MarketplaceServer.with_key()[0],
        examples={
            "pm_1Q0PsIJvEtkwdCNYMSaVuRz6": "pm_card_visa",
            "5d7f2a1e-8b1c-4c39-9d4e-3f6a2b7c8d90": buyer,
            "6f0b7d0e-55c1-4d8c-8d3a-0f6f5b9f3c11": order,
            "eyJhbGciOiJIUzI1NiJ9…": SharetribeUser(world.flex, email="cleo@market.example").token(),
        },
    )
    yield made
    made.close()


def visited(user: SharetribeUser, name: str) -> User:
    """Somebody who was here before, and has payouts."""
    assert user.api().get("/api/v1/me").status_code == 200
    payee = Payee.objects.get(flex_user_id=user.id)
    factories.MethodFactory.create(payee=payee, address=f"{name}@mail.example")
    for state in ("pending", "paid", "failed"):
        factories.PayoutFactory.create(payee=payee, state=state)
    factories.PayableFactory.create(payee=payee)
    assert payee.user is not None
    return payee.user


# What is tried ---------------------------------------------------------------------------------------------------


def as_payee(
    front: Front, folder: Path, caller: str, *, examples: int, phases: Iterable[str] = PHASES
) -> list[Finding]:
    """Call as one payee, and have what they see tried by the other: Ada shows Sharetribe's token, Bela a session."""
    token = next(iter(front.tokens))
    shown = {ADA: token, BELA: f"{IN_SESSION}{BELA}"}
    users = [{"name": name, "fixedHeaders": [header(value)]} for name, value in shown.items()]
    (folder / "people.json").write_text(json.dumps({"auth": users}))
    page = bearer(token.removeprefix("Bearer ")).get("/api/v1/payouts/?limit=1").json()
    config = how_much(examples, phases) | {
        "auth": {"wfc": {"path": str(folder / "people.json"), "user": caller, "peers": [ADA, BELA]}},
        # A cursor is good only as a page gave it; with another one nothing else would be read.
        "operations": [
            {"include-operation-id": "list_payouts", "parameters": {"query.cursor": page["next"]}}
        ],
    }
    return list(findings(front, config=config, left_out=taking_no("session")))


def as_server(front: Front, *, examples: int) -> list[Finding]:
    """Call as the marketplace's server, which signs."""
    config = how_much(examples, PHASES[:3]) | {"auth": {"openapi": {"signature": {"api_key": SIGNED}}}}
    return list(findings(front, config=config, left_out=taking_no("signature")))


def as_account(front: Front, account: OwnAccount, *, examples: int) -> list[Finding]:
    """Call as somebody with an account of ours, about who they are."""
    token = account.api.headers["X-Session-Token"]
    config = how_much(examples, PHASES[:3]) | {"auth": {"openapi": {"account_session": {"api_key": token}}}}
    return list(findings(front, config=config, left_out=taking_no("account_session", tag="Who is calling")))


def header(authorization: str) -> dict[str, str]:
    return {"name": "Authorization", "value": authorization}


def how_much(examples: int, phases: Iterable[str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {name: {"enabled": name in phases} for name in PHASES}
    chosen["examples"]["fill-missing"] = True
    generation = {
        "deterministic": True,
        "database": "none",
        "no-shrink": True,
        # No text may have it, which the document would have to say of each.
        "allow-x00": False,
        "max-examples": examples,
    }
    return {"generation": generation, "phases": chosen}


def taking_no(proof: str, *, tag: str = "") -> list[str]:
    """The operations that do not take a proof, and those under another tag, if one is named."""
    every = [one for path in schema.document()["paths"].values() for one in path.values()]
    return [
        one["operationId"]
        for one in every
        if {proof: []} not in one["security"] or tag not in ("", *one["tags"])
    ]


# What is demanded ------------------------------------------------------------------------------------------------


def leaks(front: Front) -> list[str]:
    """Each answer to one payee that has something of the other's in it which they did not send themselves."""
    own = {name: marks(person) for name, person in front.people.items()}
    others = {ADA: own[BELA] - own[ADA], BELA: own[ADA] - own[BELA]}
    return [
        f"{told.caller} was told {mark} by {told.method} {told.asked}"
        for told in front.told
        for mark in others.get(told.caller, ())
        if mark in told.answer and mark not in told.asked
    ]


def marks(person: User) -> set[str]:
    """What belongs to one payee alone: ids, numbers, references, masked destinations."""
    payee = Payee.objects.get(user=person)
    found = [person.pk, payee.pk, payee.flex_user_id, payee.email]
    for rows in (
        Payout.objects.filter(payee=payee).values_list("pk", "number"),
        PayoutMethod.objects.filter(payee=payee).values_list("pk", "masked"),
        Payable.objects.filter(payee=payee).values_list("pk", "reference"),
        Case.objects.filter(payout__payee=payee).values_list("pk"),
        Buyer.objects.filter(user=person).values_list("stripe_id"),
        Seller.objects.filter(user=person).values_list("stripe_id"),
        Intent.objects.filter(buyer_id=payee.flex_user_id).values_list("stripe_id", "transaction_id"),
    ):
        found += [value for row in rows for value in row]
    return {str(one) for one in found if one}


def surprises(found: Iterable[Finding]) -> list[str]:
    return [
        f"{one.operation}: {one.check} ({one.code})\n{one.text}"
        for one in found
        if not any(entry.covers(one) for entry in ACCEPTED)
    ]


def test_each_operation_does_as_its_examples_and_links_say(front, tmp_path):
    found = as_payee(front, tmp_path, BELA, examples=2, phases=("examples", "stateful"))
    assert not surprises(found), "\n\n".join(surprises(found))
    assert not leaks(front)


@pytest.mark.slow
def test_nothing_is_found_that_is_not_listed(front, join, tmp_path):
    found = as_payee(front, tmp_path, ADA, examples=8)
    assert BELA in {told.caller for told in front.told}, "Nobody tried to see what Ada sees."
    found += as_payee(front, tmp_path, BELA, examples=4, phases=("examples", "fuzzing", "stateful"))
    found += as_server(front, examples=8)
    found += as_account(front, join("cleo@mail.example"), examples=4)
    assert ("POST", 200) in {(one.method, one.status) for one in front.told if "/me/sharetribe?" in one.asked}
    assert not surprises(found), "\n\n".join(surprises(found))
    assert not leaks(front)


def test_a_fault_is_found(front, tmp_path, monkeypatch):
    monkeypatch.setattr(MeView, "get", lambda _view, _request: Response({"kind": "cat"}, status=203))
    others = [one for one in taking_no("none of them") if one != "who_is_calling"]
    config = how_much(1, ["examples"]) | {"auth": {"openapi": {"session": {"bearer": "session-of-ada"}}}}
    found = list(findings(front, config=config, left_out=others))
    assert "status_code_conformance" in {one.check for one in found}
    assert surprises(found)


def test_a_leak_is_found(front):
    payout = Payout.objects.filter(payee__user=front.people[ADA])[0]
    front.told.append(Told(BELA, "GET", "/api/v1/payouts/? ", 200, f'{{"number": "{payout.number}"}}'))
    assert [leak.partition(" by ")[0] for leak in leaks(front)] == [f"{BELA} was told {payout.number}"]
