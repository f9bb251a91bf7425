"""Recipients at Wise: made of what a payee filled in, found again where the same was given before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marketplace_payouts.lib.http import HttpError
from payouts.providers.base import DestinationError, ProviderUnavailable
from payouts.providers.wise.amounts import read_json, write_json
from payouts.providers.wise.client import WiseClient, refusal
from payouts.providers.wise.destinations import account_of, read_destination
from payouts.providers.wise.errors import read_problem
from payouts.providers.wise.fields import read_id, read_objects, read_text

_PAGE: Final = 20
# The newest thousand of a currency: who gives the same bank account after that long makes a new recipient of it.
_MOST_PAGES: Final = 50
_REFUSED: Final = frozenset({"FAILURE", "PARTIAL_FAILURE"})
_NUMBERS: Final = ("iban", "accountnumber", "clabe", "email", "phonenumber", "cardnumber")


def register(client: WiseClient, given: Mapping[str, object]) -> Mapping[str, str]:
    """This will make a recipient, or give the one that was made of the same before, as a destination.

    :raises DestinationError: when Wise does not take it; the sentence is Wise's own, for whoever filled in its form.
    :raises ProviderUnavailable: when Wise cannot be asked now.
    """
    made = _make(client, given)
    _check_outcomes(made)
    same = [one for one in _alike(client, made) if read_id(one, "id") != read_id(made, "id")]
    oldest = min([made, *same], key=lambda one: int(read_id(one, "id") or "0"))
    if oldest is not made:
        # An equal one that nobody is paid to would only be in the way on Wise's own pages.
        client.send("DELETE", client.path("account", account=read_id(made, "id")))
    return read_destination(
        {
            "recipient": read_id(oldest, "id"),
            "hash": read_text(oldest, "hash"),
            "account": account_of(str(given["currency"]), _number(given)),
        }
    )


def _make(client: WiseClient, given: Mapping[str, object]) -> Mapping[str, Any]:
    try:
        answer = client.call("POST", client.path("new_account"), body=write_json(given))
    except HttpError as error:
        raise ProviderUnavailable(f"Wise could not be reached: {error}") from error
    problem = read_problem(answer.body) if answer.status in (400, 422) else None
    if problem is not None:
        first = problem.details[0]
        raise DestinationError(first.message or "Wise does not take this bank account.", field=first.path)
    if not answer.ok:
        raise refusal(answer)
    try:
        made = read_json(answer.body)
    except ValueError:
        made = None
    if not isinstance(made, Mapping) or not read_id(made, "id"):
        raise ProviderUnavailable("Wise's answer to a new recipient cannot be read.")
    if read_text(made, "currency") != given["currency"] or made.get("active") is False:
        raise ProviderUnavailable("Wise made another recipient than was asked for.")
    return made


def _check_outcomes(made: Mapping[str, Any]) -> None:
    """Where the recipient's bank was asked, it must know the account, and by this name."""
    confirmations = made.get("confirmations")
    outcomes = confirmations.get("outcomes") if isinstance(confirmations, Mapping) else None
    for one in read_objects(outcomes):
        if read_text(one, "outcome") not in _REFUSED:
            continue
        if read_text(one, "type") == "ACCOUNT_EXISTENCE":
            raise DestinationError("The bank does not know this account: check its number.")
        raise DestinationError(
            "The bank knows this account under another name: write the name as the bank has it.",
            field="accountHolderName",
        )


def _alike(client: WiseClient, made: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The active ones with the same hash, the newest first."""
    wanted = read_text(made, "hash")
    if not wanted:
        return
    params = {
        "profile": client.profile,
        "currency": read_text(made, "currency"),
        "type": read_text(made, "type"),
        "size": str(_PAGE),
        "sort": "id,desc",
    }
    for _ in range(_MOST_PAGES):
        page = client.read_object(client.path("accounts"), params=params)
        yield from (one for one in read_objects(page.get("content")) if read_text(one, "hash") == wanted)
        following = read_id(page, "seekPositionForNext")
        if following in ("", "0"):
            return
        params = {**params, "seekPosition": following}


def _number(given: Mapping[str, object]) -> str:
    """The number of the account, for its last characters; nothing where the form has none that we know."""
    details = given["details"]
    assert isinstance(details, Mapping)
    for name, value in details.items():
        if name.lower() in _NUMBERS and isinstance(value, str) and "@" not in value:
            return value
    return ""
