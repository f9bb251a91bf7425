"""The form that Wise wants filled in for a recipient: asked for per currency and kind of account, shown as it is.

Wise changes its forms over time, and some fields depend on others: nothing is known of them here but their shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from payouts.providers.base import DestinationError, ProviderUnavailable
from payouts.providers.offering import Choice, Field, FieldType, Form
from payouts.providers.wise.amounts import write_json
from payouts.providers.wise.client import WiseClient
from payouts.providers.wise.fields import read_objects, read_text

CURRENCY: Final = "currency"
TYPE: Final = "type"
HOLDER: Final = "accountHolderName"
OWN: Final = frozenset({CURRENCY, TYPE, HOLDER})
"""What a recipient carries at its top; everything else are its details."""
# With it the forms ask for the holder's name and address, too, as some countries need.
MINOR_VERSION: Final = {"Accept-Minor-Version": "1"}
_SAMPLE: Final = 100
_LONGEST: Final = 250
_TYPES: Final = {"select": FieldType.SELECT, "radio": FieldType.SELECT, "date": FieldType.DATE}


def read_form(client: WiseClient, values: Mapping[str, str], *, currencies: Sequence[str]) -> Form:
    """This will give the form for what was given so far; at first it only asks for the currency.

    :raises ProviderUnavailable: when Wise cannot be asked now.
    """
    currency = values.get(CURRENCY, "") or (currencies[0] if len(currencies) == 1 else "")
    asked = _currency_field(currencies, currency)
    if currency not in currencies:
        return Form([asked])
    kinds = _kinds(client, currency, values)
    kind = values.get(TYPE, "") if values.get(TYPE) in kinds else next(iter(kinds))
    fields = [asked]
    if len(kinds) > 1:
        choices = [Choice(name, read_text(form, "title") or name) for name, form in kinds.items()]
        fields.append(_field(TYPE, "Kind of account", choices=choices, refreshes=True, value=kind))
    return Form([*fields, *_fields(kinds[kind], values)])


def only_kind(client: WiseClient, values: Mapping[str, str], *, currency: str) -> str:
    """This will give the one kind of account that there is for a currency."""
    return next(iter(_kinds(client, currency, values)))


def payload(values: Mapping[str, str], *, currency: str, kind: str, profile: str) -> dict[str, object]:
    """This will give a recipient as Wise takes it, dotted names unfolded."""
    details: dict[str, Any] = {}
    for name, value in values.items():
        if name in OWN or not value.strip():
            continue
        *path, last = name.split(".")
        place = details
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise DestinationError("Two fields of the form contradict each other.", field=name)
        place[last] = value.strip()
    return {
        "currency": currency,
        "type": kind,
        "profile": int(profile),
        "ownedByCustomer": False,
        HOLDER: " ".join(values.get(HOLDER, "").split()),
        "details": details,
    }


def _kinds(client: WiseClient, currency: str, values: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """Ask in the context of a quote of our profile: without one Wise answers for persons."""
    body = {"sourceCurrency": currency, "targetCurrency": currency, "targetAmount": _SAMPLE}
    quote = client.send("POST", client.path("quotes"), body=write_json(body))
    path = client.path("account_requirements", quote=read_text(quote, "id") or "none")
    given = payload(values, currency=currency, kind=values.get(TYPE, ""), profile=client.profile)
    method, sent = ("POST", write_json(given)) if given["details"] else ("GET", None)
    found = client.send(method, path, body=sent, headers=MINOR_VERSION)
    kinds = {name: form for form in read_objects(found) if (name := read_text(form, "type"))}
    if not kinds:
        raise ProviderUnavailable(f"Wise names no kind of account for {currency}.")
    return kinds


def _fields(form: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Field]:
    for group in read_objects(form.get("fields")):
        for one in read_objects(group.get("group")):
            name = read_text(one, "key")
            if name and name not in (CURRENCY, TYPE):
                yield _asked(one, name, read_text(group, "name"), values.get(name, ""))


def _asked(one: Mapping[str, Any], name: str, group: str, value: str) -> Field:
    choices = [
        Choice(key, read_text(entry, "name") or key)
        for entry in read_objects(one.get("valuesAllowed"))
        if (key := read_text(entry, "key"))
    ]
    longest = one.get("maxLength")
    found = _TYPES.get(read_text(one, "type"), FieldType.TEXT)
    return Field(
        name=name,
        label=read_text(one, "name") or group or name,
        # What is to be chosen from nothing is written.
        type=FieldType.TEXT if found is FieldType.SELECT and not choices else found,
        required=one.get("required") is True,
        example=read_text(one, "example"),
        pattern="" if choices else _pattern(read_text(one, "validationRegexp")),
        max_length=longest if isinstance(longest, int) and 0 < longest < _LONGEST else _LONGEST,
        choices=choices,
        refreshes=one.get("refreshRequirementsOnChange") is True,
        value=value,
    )


def _pattern(text: str) -> str:
    """Wise anchors its patterns, ours hold for the whole value anyway; one that Python cannot read is left to Wise."""
    bare = text.removeprefix("^").removesuffix("$")
    try:
        re.compile(bare)
    except re.error:
        return ""
    return bare


def _currency_field(currencies: Sequence[str], currency: str) -> Field:
    choices = [Choice(code, code) for code in currencies]
    return _field(CURRENCY, "Currency of the account", choices=choices, refreshes=True, value=currency)


def _field(name: str, label: str, *, choices: Sequence[Choice], refreshes: bool, value: str) -> Field:
    return Field(name, label, FieldType.SELECT, choices=choices, refreshes=refreshes, value=value)
