"""Line items, and the totals that Sharetribe computes from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sandbox.flex.errors import ApiError
from sandbox.flex.values import Keyword, Money, decimal, money

MAX_LINES: Final = 50
MAX_CODE: Final = 64
PARTIES: Final = ("customer", "provider")
_KNOWN: Final = frozenset(
    ("code", "unitPrice", "quantity", "percentage", "seats", "units", "lineTotal", "includeFor", "reversal")
)


@dataclass(frozen=True, slots=True)
class LineSet:
    """The line items that a transaction has at one time, as they are shown, and their totals."""

    items: tuple[dict[str, Any], ...] = ()
    payin: Money | None = None
    payout: Money | None = None


NO_LINES: Final = LineSet()


def _invalid(index: int, field: str, why: str) -> ApiError:
    return ApiError("validation-invalid-value", why, path=("params", "lineItems", str(index), field))


def _money(index: int, field: str, given: Any) -> Money:
    try:
        amount, currency = given["amount"], given["currency"]
    except (TypeError, KeyError) as error:
        raise _invalid(index, field, "money has an amount and a currency") from error
    whole = isinstance(amount, int) and not isinstance(amount, bool)
    if not whole or not isinstance(currency, str) or len(currency) != 3:
        raise _invalid(
            index, field, "the amount is a whole number of minor units, the currency has three letters"
        )
    return money(amount=int(amount), currency=str(currency))


def _decimal(index: int, field: str, given: Any) -> Decimal:
    try:
        return Decimal(str(decimal(given)))
    except (TypeError, ValueError) as error:
        raise _invalid(index, field, f"{given!r} is no number") from error


def _factor(index: int, raw: Mapping[str, Any]) -> tuple[Decimal, dict[str, Any]]:
    """Give by what the unit price is multiplied, and the fields that say so."""
    given = {name for name in ("quantity", "percentage", "seats", "units") if raw.get(name) is not None}
    values = {name: _decimal(index, name, raw[name]) for name in given}
    shown = {name: decimal(str(value)) for name, value in sorted(values.items())}
    if given == {"quantity"}:
        return values["quantity"], shown
    if given == {"percentage"}:
        return values["percentage"] / 100, shown
    if given == {"seats", "units"}:
        return values["seats"] * values["units"], shown
    raise _invalid(index, "quantity", "give either quantity, or percentage, or seats and units")


def _parties(index: int, given: Any) -> list[Keyword]:
    names = PARTIES if given is None else tuple(given)
    if not names or set(names) - set(PARTIES):
        raise _invalid(index, "includeFor", "a line is for the customer, the provider, or both")
    return [Keyword(name) for name in names]


def _code(index: int, given: Any) -> Keyword:
    if not isinstance(given, str) or not given.startswith("line-item/") or len(given) > MAX_CODE:
        raise _invalid(
            index, "code", f'a code begins with "line-item/" and has at most {MAX_CODE} characters'
        )
    return Keyword(given)


def _line(index: int, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise _invalid(index, "code", "a line item is a map")
    unknown = sorted(set(raw) - _KNOWN)
    if unknown:
        raise ApiError("validation-disallowed-key", path=("params", "lineItems", str(index), unknown[0]))
    price = _money(index, "unitPrice", raw.get("unitPrice"))
    factor, shown = _factor(index, raw)
    exact = (price["amount"] * factor).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    total = money(amount=int(exact), currency=price["currency"])
    if raw.get("lineTotal") is not None and _money(index, "lineTotal", raw["lineTotal"]) != total:
        raise _invalid(index, "lineTotal", f"the unit price and the quantity make {total['amount']}")
    return {
        "code": _code(index, raw.get("code")),
        "unitPrice": price,
        **shown,
        "lineTotal": total,
        "reversal": bool(raw.get("reversal")),
        "includeFor": _parties(index, raw.get("includeFor")),
    }


def _sum(items: Iterable[dict[str, Any]], party: str, currency: str) -> Money:
    total = sum(item["lineTotal"]["amount"] for item in items if party in item["includeFor"])
    if total < 0:
        raise ApiError(
            "validation-invalid-value", f"the total for the {party} is negative", path=("lineItems",)
        )
    return money(amount=total, currency=currency)


def line_set(raw: Any) -> LineSet:
    """Read line items, compute what each comes to, and the totals.

    :raises ApiError: when one is not as it must be, currencies differ, or a total is negative.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MAX_LINES:
        raise ApiError(
            "validation-invalid-value", f"at most {MAX_LINES} line items", path=("params", "lineItems")
        )
    items = tuple(_line(index, line) for index, line in enumerate(raw))
    if not items:
        return NO_LINES
    currencies = {item["lineTotal"]["currency"] for item in items}
    if len(currencies) > 1:
        raise ApiError(
            "validation-invalid-value", "line items have one currency", path=("params", "lineItems")
        )
    (currency,) = currencies
    return LineSet(items, _sum(items, "customer", currency), _sum(items, "provider", currency))


def refunded(lines: LineSet) -> LineSet:
    """Give the same lines and a reversal of each, so that both totals are zero."""
    if not any(total and total["amount"] for total in (lines.payin, lines.payout)):
        return lines
    return line_set([*_raw(lines.items), *_raw(_reversal(item) for item in lines.items)])


def _reversal(item: Mapping[str, Any]) -> dict[str, Any]:
    counted = next(name for name in ("quantity", "percentage", "units") if name in item)
    return {**item, counted: -item[counted], "reversal": True}


def partly_refunded(lines: LineSet, *, amount: int) -> LineSet:
    """Give the same lines less `amount` of what the customer paid for the goods, and the commissions on it.

    :raises ApiError: when more would be given back than there is.
    """
    if not lines.items:
        raise ApiError("validation-invalid-value", "there is nothing to give back", path=("refund",))
    goods = next(item for item in lines.items if "percentage" not in item)
    price = money(amount=amount, currency=goods["unitPrice"]["currency"])
    reversals = [
        {
            "code": item["code"],
            "unitPrice": price,
            **({"percentage": -item["percentage"]} if "percentage" in item else {"quantity": -1}),
            "includeFor": item["includeFor"],
            "reversal": True,
        }
        for item in (goods, *(item for item in lines.items if "percentage" in item and not item["reversal"]))
    ]
    return line_set([*_raw(lines.items), *reversals])


def _raw(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give shown items as they would be sent; the total is computed anew."""
    return [{name: value for name, value in item.items() if name != "lineTotal"} for item in items]


def usual_lines(
    *, price: int, currency: str, quantity: int = 1, provider_percent: float = 10, customer_percent: float = 0
) -> list[dict[str, Any]]:
    """Give what a marketplace's server sends for an ordinary order: the goods and the commissions."""
    unit = money(amount=price, currency=currency)
    whole = money(amount=price * quantity, currency=currency)
    lines: list[dict[str, Any]] = [{"code": "line-item/item", "unitPrice": unit, "quantity": quantity}]
    for party, percent in (("provider", -provider_percent), ("customer", customer_percent)):
        if percent:
            lines.append(
                {
                    "code": f"line-item/{party}-commission",
                    "unitPrice": whole,
                    "percentage": percent,
                    "includeFor": [party],
                }
            )
    return lines
