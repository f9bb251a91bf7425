"""camt.053, ISO 20022's statement of an account, in any of its versions; only what is booked counts.

The text is not trusted: no DTD, no entities, nothing from outside (defusedxml), and not more than `LARGEST` bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Final
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from marketplace_payouts.lib.currencies import EXPONENTS, MoneyError, from_decimal_string
from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file.bank_statements import (
    BadStatement,
    BankStatement,
    Entry,
    EntryKind,
    with_references,
)
from payouts.providers.bank_file.iban import compact
from payouts.providers.bank_file.identifiers import file_in, item_key_in

_NAMESPACE: Final = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d\}")
_CHARGES: Final = frozenset({"CHRG", "COMM", "FEES"})
_BOOKED: Final = "BOOK"


def read(body: bytes) -> BankStatement:
    """This will read a camt.053.

    :raises BadStatement: when it is none, or cannot be understood.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise BadStatement(
            "It declares a document type or entities, which no bank's statement does: it is refused."
        ) from None
    except (ParseError, ValueError) as error:
        raise BadStatement(f"It is no XML that can be read: {error}") from None
    namespace = _NAMESPACE.match(root.tag)
    if namespace is None:
        raise BadStatement("It is no camt.053: have the bank make a statement in that format, or a CSV.")
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    try:
        return _together([_statement(one) for one in root.iterfind("BkToCstmrStmt/Stmt")])
    except (MoneyError, ValueError) as error:
        raise BadStatement(f"It cannot be understood: {error}") from None


def _together(parts: Sequence[BankStatement]) -> BankStatement:
    """Several days in one file: in order, of one account, each opening as the one before it closed."""
    if not parts:
        raise BadStatement("It holds no statement.")
    ordered = sorted(parts, key=lambda part: (part.first_day, part.last_day))
    if len({part.account for part in ordered}) > 1:
        raise BadStatement("It holds statements of several accounts: have the bank make one for each.")
    for earlier, later in pairwise(ordered):
        if later.first_day > earlier.last_day + timedelta(days=1) or earlier.closing != later.opening:
            raise BadStatement(
                f"Between {earlier.last_day} and {later.first_day} something is missing in it."
            )
    return BankStatement(
        format="camt.053",
        account=ordered[0].account,
        first_day=ordered[0].first_day,
        last_day=max(part.last_day for part in ordered),
        entries=with_references(entry for part in ordered for entry in part.entries),
        opening=ordered[0].opening,
        closing=ordered[-1].closing,
    )


def _statement(statement: Element) -> BankStatement:
    opening, opened_on = _balance(statement, "OPBD", "PRCD")
    closing, closed_on = _balance(statement, "CLBD")
    first = _day(statement.findtext("FrToDt/FrDtTm")) or opened_on
    entries = [
        entry for one in statement.iterfind("Ntry") if _status(one) == _BOOKED for entry in _entries(one)
    ]
    # Some banks give the opening balance the day before; no day is left out that has an entry.
    return BankStatement(
        format="camt.053",
        account=compact(statement.findtext("Acct/Id/IBAN") or _need(statement, "Acct/Id/Othr/Id")),
        first_day=min([first, *(entry.booked_on for entry in entries)]),
        last_day=closed_on,
        entries=entries,
        opening=opening,
        closing=closing,
    )


def _balance(statement: Element, *codes: str) -> tuple[Money, date]:
    for code in codes:
        for one in statement.iterfind("Bal"):
            if one.findtext("Tp/CdOrPrtry/Cd") == code:
                amount = _amount(one)
                on = _need_day(one, "Dt")
                # PRCD is the balance at the end of the day before.
                day = on + timedelta(days=1) if code == "PRCD" else on
                return (amount if _is_credit(one) else -amount), day
    raise BadStatement(
        f"It has no balance {' or '.join(codes)}: have the bank make a statement of whole days."
    )


def _entries(entry: Element) -> Iterator[Entry]:
    details = [one for group in entry.iterfind("NtryDtls") for one in group.iterfind("TxDtls")]
    reference = entry.findtext("AcctSvcrRef") or ""
    if len(details) <= 1:
        yield _entry(entry, details[0] if details else None, _amount(entry), reference)
        return
    amounts = [_detail_amount(one) for one in details]
    if Money.total(amounts, amounts[0].currency) != _amount(entry):
        raise BadStatement(
            f"The parts of its entry {reference or '(without a reference)'} do not add up to it."
        )
    for place, (one, amount) in enumerate(zip(details, amounts, strict=True), start=1):
        own = one.findtext("Refs/AcctSvcrRef") or ""
        # The parts of one entry often carry its own reference.
        name = own if own and own != reference else f"{reference}/{place}" if reference else ""
        yield _entry(entry, one, amount, name)


def _entry(entry: Element, detail: Element | None, amount: Money, reference: str) -> Entry:
    is_credit = _is_credit(entry if detail is None or detail.find("CdtDbtInd") is None else detail)
    texts = _texts(entry, detail)
    ids = [] if detail is None else [detail.findtext("Refs/EndToEndId") or ""]
    item_key = item_key_in(*ids) or item_key_in(*texts)
    kind = _kind(entry, detail, is_credit=is_credit, is_ours=bool(item_key))
    is_sum = kind is EntryKind.DEBIT and not item_key
    file, part = file_in(*_file_ids(entry, detail), *texts) if is_sum else ("", "")
    return Entry(
        reference=reference,
        kind=kind,
        amount=-amount if kind is EntryKind.OTHER and not is_credit else amount,
        booked_on=_need_day(entry, "BookgDt"),
        item_key=item_key,
        message_id=file,
        part=part,
        account=_other_side(detail, is_out=kind is EntryKind.DEBIT),
        reason="" if detail is None else detail.findtext("RtrInf/Rsn/Cd") or "",
        text=" ".join(texts),
    )


def _kind(entry: Element, detail: Element | None, *, is_credit: bool, is_ours: bool) -> EntryKind:
    is_reversal = (entry.findtext("RvslInd") or "") in ("true", "1")
    came_back = is_reversal or (detail is not None and detail.find("RtrInf") is not None)
    if is_credit:
        if is_ours:
            return EntryKind.RETURN
        return EntryKind.OTHER if came_back else EntryKind.CREDIT
    if is_reversal or came_back:
        return EntryKind.OTHER  # a credit that was taken back, perhaps a return
    codes = [entry.findtext("BkTxCd/Domn/Fmly/SubFmlyCd")]
    codes += [] if detail is None else [detail.findtext("BkTxCd/Domn/Fmly/SubFmlyCd")]
    if not is_ours and _CHARGES & set(codes):
        return EntryKind.FEE
    return EntryKind.DEBIT


def _file_ids(entry: Element, detail: Element | None) -> list[str]:
    paths = [(entry, f"NtryDtls/Btch/{name}") for name in ("MsgId", "PmtInfId")]
    paths += [(detail, f"Refs/{name}") for name in ("MsgId", "PmtInfId")] if detail is not None else []
    return [text for element, path in paths if (text := element.findtext(path))]


def _texts(entry: Element, detail: Element | None) -> list[str]:
    found = [] if detail is None else [one.text for one in detail.iterfind("RmtInf/Ustrd")]
    found += [] if detail is None else [detail.findtext("AddtlTxInf")]
    found.append(entry.findtext("AddtlNtryInf"))
    return [" ".join(text.split()) for text in found if text and text.strip()]


def _other_side(detail: Element | None, *, is_out: bool) -> str:
    if detail is None:
        return ""
    # Of what came back, banks name the parties of the original, or of the return: neither proves anything.
    account = detail.find("RltdPties/CdtrAcct/Id") if is_out else None
    return "" if account is None else compact(account.findtext("IBAN") or account.findtext("Othr/Id") or "")


def _detail_amount(detail: Element) -> Money:
    if detail.find("Amt") is not None:
        return _amount(detail)
    inner = detail.find("AmtDtls/TxAmt")
    if inner is None:
        raise BadStatement("It has an entry of several parts, and one of them has no amount.")
    return _amount(inner)


def _amount(element: Element) -> Money:
    amount = element.find("Amt")
    currency = "" if amount is None else amount.get("Ccy", "")
    if amount is None or currency not in EXPONENTS:
        raise BadStatement(f"It has an amount in {currency or 'no currency'}, which cannot be read.")
    found = Money(from_decimal_string((amount.text or "").strip(), EXPONENTS[currency]), currency)
    if found.units < 0:
        raise BadStatement("It has a negative amount, which camt.053 does not know.")
    return found


def _is_credit(element: Element) -> bool:
    word = _need(element, "CdtDbtInd")
    if word not in ("CRDT", "DBIT"):
        raise BadStatement(f"It has an entry that is {word}, neither credit nor debit.")
    return word == "CRDT"


def _status(entry: Element) -> str:
    # Text up to version 6, a choice from version 7 on.
    return (entry.findtext("Sts/Cd") or entry.findtext("Sts") or "").strip()


def _need(element: Element, path: str) -> str:
    text = (element.findtext(path) or "").strip()
    if not text:
        raise BadStatement(f"It lacks {path}.")
    return text


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text.strip()[:10]) if text and text.strip() else None


def _need_day(element: Element, path: str) -> date:
    found = _day(element.findtext(f"{path}/Dt")) or _day(element.findtext(f"{path}/DtTm"))
    if found is None:
        raise BadStatement(f"It lacks {path}.")
    return found
