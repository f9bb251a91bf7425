"""What a provider offers to payees: to whom, on which terms, and what it must be told before it can pay them.

A provider says it once, as its `offering`; the API and the payee's pages show it without knowing any provider's name.
Like everything of a provider it touches no database and keeps no state between calls. What it says to people is fit for
the payee. `refusal` asks nobody; the other methods may call the service, and are never called inside a transaction.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from marketplace_payouts.lib.money import Money


class Kind(enum.StrEnum):
    """How the service learns where a payee wants the money."""

    FORM = "form"
    """The payee tells us, in a form that the service describes."""
    HOSTED = "hosted"
    """The payee tells the service, on its own pages."""


class Proof(enum.StrEnum):
    """By what a method that a payee gives counts as theirs."""

    MAILED_LINK = "mailed_link"
    """A link that is mailed to the destination, which is an address (`email`)."""
    SERVICE = "service"
    """The service knows who they are: they logged in there."""
    LOG_IN = "log_in"
    """They gave it here, freshly logged in; nobody can be asked at the destination itself."""


class HostedState(enum.StrEnum):
    """How far a payee is with a service that asks them itself."""

    NOT_STARTED = "not_started"
    PENDING = "pending"
    """The payee, or the service, is not done."""
    READY = "ready"
    """They can be paid."""
    DECLINED = "declined"
    """The service does not take them."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where the payee goes on; it opens their account at the service, and is neither kept nor mailed."""

    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """How a payee stands with a service whose accounts of our payees stand in our own records."""

    account: str
    """The service's id of their account; empty where they have none."""
    country: str
    """Of the account, two letters; empty where they have none."""
    state: HostedState
    sentence: str
    """Where they stand, and what to do."""
    open: Callable[[str], Link]
    """As `Hosted.open`."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a service may know of a payee who has no method there yet."""

    payee: str
    """Our id of the payee: the same for ever, and nothing that says who they are."""
    country: str = ""
    """ISO 3166-1, two letters; empty where the payee has not said."""
    currencies: Sequence[str] = ()
    """In which they are owed something, or else all in which the marketplace sells."""
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    """By the name of the service: what our own records say of them there. Most services keep their own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What would become of an amount; a figure that is None has a note that says why."""

    currency: str
    """In which the payee receives it."""
    fee: Money | None
    """What the payee pays of it; zero where we pay the service."""
    amount: Money | None
    """What arrives; None also where nothing is owed."""
    arrives_within: timedelta | None
    """After it was sent."""
    fee_note: str = ""
    amount_note: str = ""
    arrival_note: str = ""


class FieldType(enum.StrEnum):
    """How a field is shown; what a front end does not know it shows as text."""

    TEXT = "text"
    EMAIL = "email"
    DATE = "date"
    """As `2026-11-30`."""
    SELECT = "select"
    """One of `choices`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of those that a field offers."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that the service must know."""

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    required: bool = True
    help: str = ""
    example: str = ""
    pattern: str = ""
    """A regular expression for the whole value, as HTML's `pattern` and Python both read it."""
    max_length: int = 250
    choices: Sequence[Choice] = ()
    refreshes: bool = False
    """Whether the form is to be asked for anew when this field changes."""
    value: str = ""
    """What was given so far, or is proposed."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the service must know, for the values that were given so far."""

    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class Hosted:
    """The service asks the payee itself."""

    state: HostedState
    sentence: str
    """Where they stand, and what to do."""
    open: Callable[[str], Link]
    """Make a link for the payee; given is the address to which the service sends them back.

    :raises ProviderUnavailable: when the service cannot be asked now.
    :raises DestinationError: when it does not take them; the sentence is fit for the payee.
    """


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what was given; `field` is empty where it is no single field."""

    code: str
    sentence: str
    field: str = field(default="")


class Offering(Protocol):
    """How payees come to be paid through a service."""

    @property
    def kind(self) -> Kind: ...
    @property
    def proof(self) -> Proof: ...

    def refusal(self, receiver: Receiver) -> str:
        """This will say why this payee cannot be paid through the service; empty where they can."""
        ...

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """This will say what would become of an amount that is owed in a currency, or of any where it is None.

        :raises ProviderUnavailable: when the service cannot be asked now.
        """
        ...

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Form | Hosted:
        """This will say what the service must know, given what the payee said so far.

        :raises ProviderUnavailable: when the service cannot be asked now.
        """
        ...

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """This will make the destination of values that fit the form, or of a payee who is ready where it is hosted.

        Asked twice for the same it gives the same, as far as `destination_echo` tells.

        :raises DestinationError: when it cannot be paid to; the sentence is fit for the payee.
        :raises ProviderUnavailable: when the service cannot be asked now.
        """
        ...


def problems(form: Form, values: Mapping[str, str]) -> Iterator[Problem]:
    """This will say what is wrong with values, field by field, before a service is asked about them."""
    known = {one.name: one for one in form.fields}
    for name in values:
        if name not in known:
            names = ", ".join(known)
            yield Problem("unknown_field", f"There is no such field; there is: {names}.", name)
    for one in form.fields:
        found = _problem(one, values.get(one.name, "").strip())
        if found is not None:
            yield found


def _problem(one: Field, value: str) -> Problem | None:
    if not value:
        return Problem("required", "This is needed.", one.name) if one.required else None
    if len(value) > one.max_length:
        return Problem("too_long", f"Give at most {one.max_length} characters.", one.name)
    if one.choices and value not in {choice.value for choice in one.choices}:
        return Problem("no_such_choice", "Choose one of those that are offered.", one.name)
    if one.pattern and not re.fullmatch(one.pattern, value):
        if one.example:
            return Problem("malformed", f"This cannot be right. It looks like this: {one.example}", one.name)
        return Problem("malformed", "This cannot be right.", one.name)
    return None
