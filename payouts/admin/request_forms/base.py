"""What every request's form has: a payload, perhaps a secret, and a reason that stands last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.db.models import Model, Q, QuerySet

from accounts.models import Payee
from marketplace_payouts.lib.currencies import EXPONENTS, MoneyError, from_decimal_string, to_decimal_string
from payouts.admin.choices import currencies


class RequestForm(forms.Form):
    """A form that gives a payload."""

    about: ClassVar[str] = ""
    """The field that names what the request acts on."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever seconds it reads this; it stays in the record, with your name.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([name for name in self.fields if name != "reason"])

    @classmethod
    def filled(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """This will give what the form starts with, from what its address names."""
        return dict(given)

    def payload(self) -> dict[str, Any]:
        """This will give what the request carries in clear, as JSON takes it."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "reason"}
        return {name: str(value.pk) if isinstance(value, Model) else value for name, value in given.items()}

    def secret(self) -> dict[str, str] | None:
        """This will give what the request carries sealed, or nothing."""
        return None

    def subject(self) -> str:
        """This will give the id of what the request acts on."""
        return str(self.payload().get(self.about, "")) if self.about else ""


class PayeeField(forms.CharField):
    """One payee, by our id, Sharetribe's user id, or an e-mail address that only one payee has."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(help_text="Our id, the Sharetribe user id, or the e-mail address.", **kwargs)

    def clean(self, value: Any) -> Any:
        """This will give the payee's id.

        :raises ValidationError: when not exactly one payee is named.
        """
        text = str(super().clean(value))
        found = list(Payee.objects.filter(_names(text))[:2])
        if len(found) != 1:
            raise forms.ValidationError(
                "Several payees have it." if found else "No payee has this id or address."
            )
        return str(found[0].pk)


def _names(text: str) -> Q:
    try:
        wanted = UUID(text)
    except ValueError:
        return Q(email__iexact=text)
    return Q(pk=wanted) | Q(flex_user_id=wanted)


class RowField(forms.ModelChoiceField[Any]):
    """One row, by its id; the page that leads here fills it in."""

    def __init__(self, rows: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(rows, widget=forms.TextInput(attrs={"size": 40}), **kwargs)


class AmountForm(RequestForm):
    """A form with an amount in a currency; the payload carries whole units."""

    may_be_negative: ClassVar[bool] = False
    currency = forms.ChoiceField(choices=currencies)
    amount = forms.CharField(max_length=50, help_text="In the currency, for example 1250.00")

    def clean(self) -> dict[str, Any]:
        """This will read the amount into whole units of its currency."""
        given: dict[str, Any] = super().clean() or {}
        text, code = str(given.get("amount", "")), str(given.get("currency", ""))
        if not text or code not in EXPONENTS:
            return given
        try:
            given["units"] = str(from_decimal_string(text.replace(",", "").strip(), EXPONENTS[code]))
        except MoneyError as error:
            self.add_error("amount", str(error))
            return given
        if given["units"].startswith("-") and not self.may_be_negative:
            self.add_error("amount", "It cannot be negative.")
        return given

    def payload(self) -> dict[str, Any]:
        """This will give units instead of the typed amount."""
        return {name: value for name, value in super().payload().items() if name != "amount"}


class LinesField(forms.CharField):
    """One thing per line; gives a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """This will write a list with one thing per line."""
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> Any:
        """This will read the lines."""
        return [line.strip() for line in str(super().clean(value) or "").splitlines() if line.strip()]


class AmountsField(LinesField):
    """One amount per line (`EUR 5.00`); gives units by currency, as text."""

    def prepare_value(self, value: Any) -> Any:
        """This will write amounts with one per line."""
        if not isinstance(value, dict):
            return value
        return "\n".join(
            f"{code} {to_decimal_string(int(units), EXPONENTS[code])}" for code, units in value.items()
        )

    def clean(self, value: Any) -> Any:
        """This will read the amounts.

        :raises ValidationError: when a line is no currency and amount.
        """
        amounts = {}
        for line in super().clean(value):
            code, _, text = line.partition(" ")
            try:
                amounts[code] = str(from_decimal_string(text.replace(",", "").strip(), EXPONENTS[code]))
            except (KeyError, MoneyError):
                raise forms.ValidationError(
                    f"{line!r} is no currency and amount, such as EUR 5.00."
                ) from None
        return amounts


class DecimalsField(LinesField):
    """One currency and its number of decimals per line (`EUR 2`); gives a table."""

    def prepare_value(self, value: Any) -> Any:
        """This will write the table with one currency per line."""
        return "\n".join(f"{code} {n}" for code, n in value.items()) if isinstance(value, dict) else value

    def clean(self, value: Any) -> Any:
        """This will read the table.

        :raises ValidationError: when a line is no currency and number.
        """
        table = {}
        for line in super().clean(value):
            code, _, text = line.partition(" ")
            if code not in EXPONENTS or not text.strip().isdigit():
                raise forms.ValidationError(f"{line!r} is no currency and number of decimals, such as EUR 2.")
            table[code] = int(text)
        return table
