"""The file itself: ISO 20022 pain.001.001.09, written from a batch, and read back.

The bytes follow from the batch alone, so the same batch gives the same file. What is within SEPA and what is not stand
in two parts, because banks want them under different service levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from marketplace_payouts.lib.clock import BusinessCalendar, in_utc, local_day
from marketplace_payouts.lib.currencies import from_decimal_string, to_decimal_string
from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file import destinations
from payouts.providers.bank_file.characters import LONGEST_TEXT, BadText, transliterate
from payouts.providers.bank_file.countries import DOMESTIC, SEPA
from payouts.providers.bank_file.iban import is_iban
from payouts.providers.bank_file.identifiers import end_to_end_id, item_key_in, message_id
from payouts.providers.bank_file.settings import DECIMALS, BankFileSettings
from payouts.providers.base import BadItem, Item, ProviderError

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_NS: Final = {"p": NAMESPACE}


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a file, as the file has it."""

    key: str
    amount: Money
    name: str
    account: str
    """Where to, as `destination_echo` has it."""
    bank: str
    """The clearing code or BIC of the payee's bank; empty where an IBAN tells."""
    note: str
    part: str
    """The id of the part of the file that it stands in."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A file that was read back."""

    message_id: str
    execution_date: date
    payments: Sequence[Payment]


def write(settings: BankFileSettings, *, key: str, at: datetime, items: Sequence[Item]) -> bytes:
    """This will write the file of a batch.

    :raises BadItem: when one item cannot be expressed.
    """
    root = Element("Document", xmlns=NAMESPACE)
    initiation = SubElement(root, "CstmrCdtTrfInitn")
    header = SubElement(initiation, "GrpHdr")
    _text(header, "MsgId", message_id(key))
    _text(header, "CreDtTm", in_utc(at).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _sums(header, items)
    _text(SubElement(header, "InitgPty"), "Nm", settings.name)
    date_ = execution_date(settings, at)
    parts = [[item for item in items if _is_sepa(item) is inside] for inside in (True, False)]
    for number, part in enumerate(filter(None, parts), start=1):
        _part(initiation, settings, f"{message_id(key)}{number}", date_, part)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def execution_date(settings: BankFileSettings, at: datetime) -> date:
    """This will give the day on which the bank is to carry a file out: so many weekdays after it was made."""
    calendar = BusinessCalendar(zone=settings.zone)
    day = calendar.next_business_day(local_day(moment=at, zone=settings.zone))
    for _ in range(settings.execution_days):
        day = calendar.next_business_day(day + timedelta(days=1))
    return day


def read(body: bytes) -> Contents:
    """This will read a file of ours back.

    :raises ProviderError: when it is none.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
        return Contents(
            message_id=_found(root, ".//p:GrpHdr/p:MsgId"),
            execution_date=date.fromisoformat(_found(root, ".//p:ReqdExctnDt/p:Dt")),
            payments=[
                _payment(one, _found(part, "p:PmtInfId"))
                for part in root.iterfind(".//p:PmtInf", _NS)
                for one in part.iterfind("p:CdtTrfTxInf", _NS)
            ],
        )
    except (ParseError, DefusedXmlException, ValueError, KeyError) as error:
        raise ProviderError(f"This is no bank file of ours: {error}") from error


def _part(
    initiation: Element, settings: BankFileSettings, part_id: str, day: date, items: Sequence[Item]
) -> None:
    is_sepa = _is_sepa(items[0])
    part = SubElement(initiation, "PmtInf")
    _text(part, "PmtInfId", part_id)
    _text(part, "PmtMtd", "TRF")
    _text(part, "BtchBookg", "true" if settings.batch_booking else "false")
    _sums(part, items)
    if is_sepa:
        _text(SubElement(SubElement(part, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    _text(SubElement(part, "ReqdExctnDt"), "Dt", day.isoformat())
    _text(SubElement(part, "Dbtr"), "Nm", settings.name)
    account = SubElement(part, "DbtrAcct")
    _account(account, settings.account)
    _text(account, "Ccy", settings.currency)
    _text(SubElement(SubElement(part, "DbtrAgt"), "FinInstnId"), "BICFI", settings.bic)
    # SEPA knows shared charges alone; elsewhere the payee bears what their own bank takes.
    _text(part, "ChrgBr", "SLEV" if is_sepa else "SHAR")
    for item in items:
        _transfer(part, item)


def _transfer(part: Element, item: Item) -> None:
    try:
        name, note = destinations.name_of(item.destination), transliterate(item.note)
    except BadText as error:
        raise BadItem(str(error), item_key=item.key) from error
    if len(note) > LONGEST_TEXT:
        raise BadItem(f"A bank takes {LONGEST_TEXT} characters of text at the most.", item_key=item.key)
    transfer = SubElement(part, "CdtTrfTxInf")
    ids = SubElement(transfer, "PmtId")
    _text(ids, "InstrId", end_to_end_id(item.key))
    _text(ids, "EndToEndId", end_to_end_id(item.key))
    amount = SubElement(SubElement(transfer, "Amt"), "InstdAmt", Ccy=item.amount.currency)
    amount.text = _decimal(item.amount)
    _agent(transfer, item)
    payee = SubElement(transfer, "Cdtr")
    _text(payee, "Nm", name)
    if town := item.destination.get("city"):
        address = SubElement(payee, "PstlAdr")
        _text(address, "TwnNm", transliterate(town, country=item.destination["country"]))
        _text(address, "Ctry", item.destination["country"])
    _account(SubElement(transfer, "CdtrAcct"), destinations.account_of(item.destination))
    _text(SubElement(transfer, "RmtInf"), "Ustrd", note)


def _agent(transfer: Element, item: Item) -> None:
    destination = item.destination
    if clearing := destination.get("clearing"):
        institution = SubElement(SubElement(transfer, "CdtrAgt"), "FinInstnId")
        member = SubElement(institution, "ClrSysMmbId")
        _text(SubElement(member, "ClrSysId"), "Cd", DOMESTIC[destination["country"]].scheme)
        _text(member, "MmbId", clearing)
    elif bic := destination.get("bic"):
        _text(SubElement(SubElement(transfer, "CdtrAgt"), "FinInstnId"), "BICFI", bic)


def _account(parent: Element, number: str) -> None:
    identification = SubElement(parent, "Id")
    if is_iban(number):
        _text(identification, "IBAN", number)
    else:
        _text(SubElement(identification, "Othr"), "Id", number)


def _sums(parent: Element, items: Sequence[Item]) -> None:
    _text(parent, "NbOfTxs", str(len(items)))
    _text(parent, "CtrlSum", _decimal(Money.total([item.amount for item in items], items[0].amount.currency)))


def _decimal(amount: Money) -> str:
    return to_decimal_string(amount.units, DECIMALS[amount.currency])


def _is_sepa(item: Item) -> bool:
    return item.amount.currency == "EUR" and item.destination["country"] in SEPA


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


# Reading back ----------------------------------------------------------------------------------------------------


def _payment(transfer: Element, part: str) -> Payment:
    amount = transfer.find("p:Amt/p:InstdAmt", _NS)
    if amount is None or amount.text is None:
        raise ValueError("a payment without an amount")
    currency = amount.get("Ccy", "")
    return Payment(
        key=item_key_in(_found(transfer, "p:PmtId/p:EndToEndId")),
        amount=Money(from_decimal_string(amount.text, DECIMALS[currency]), currency),
        name=_found(transfer, "p:Cdtr/p:Nm"),
        account=_first(transfer, "p:CdtrAcct/p:Id/p:IBAN", "p:CdtrAcct/p:Id/p:Othr/p:Id"),
        bank=_first(
            transfer,
            "p:CdtrAgt/p:FinInstnId/p:ClrSysMmbId/p:MmbId",
            "p:CdtrAgt/p:FinInstnId/p:BICFI",
        ),
        note=_first(transfer, "p:RmtInf/p:Ustrd"),
        part=part,
    )


def _first(element: Element, *paths: str) -> str:
    return next(_texts(element, paths), "")


def _texts(element: Element, paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        text = element.findtext(path, namespaces=_NS)
        if text:
            yield text


def _found(element: Element, path: str) -> str:
    text = element.findtext(path, namespaces=_NS)
    if not text:
        raise ValueError(f"it lacks {path.rpartition(':')[2]}")
    return text
