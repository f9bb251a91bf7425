"""Filters that ask the database nothing to draw themselves: typed words, amounts and days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import ListFilter, ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from marketplace_payouts.lib.currencies import EXPONENTS, MoneyError, from_decimal_string


@dataclass(frozen=True, slots=True)
class Typed:
    """One thing to type into a filter."""

    name: str
    label: str
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()


class TypedFilter(ListFilter):
    """A filter with fields to fill in; the subclass says which, and what they mean."""

    template = "admin/backoffice/typed_filter.html"
    fields: ClassVar[tuple[Typed, ...]] = ()

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[models.Model],
        model_admin: ModelAdmin[Any],
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.wrong = ""
        self.given: dict[str, str] = {}
        for field in self.fields:
            values = params.pop(field.name, None)
            text = (values[-1] if isinstance(values, list) else values or "").strip()
            if text:
                self.given[field.name] = text
        self.used_parameters = dict(self.given)

    def has_output(self) -> bool:
        """This will say that the filter is always drawn."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """This will name the parameters that the filter reads."""
        return [field.name for field in self.fields]

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        """This will give what the template draws: the fields, and what else the list is filtered by."""
        ours = {field.name for field in self.fields} | {"p"}
        kept = [(k, v) for k, v in changelist.params.items() if k not in ours]
        yield {
            "fields": [(field, self.given.get(field.name, "")) for field in self.fields],
            "kept": kept,
            "wrong": self.wrong,
            "given": bool(self.given),
            "clear": changelist.get_query_string(remove=sorted(ours)),
        }

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """This will narrow the list; what cannot be read narrows it to nothing and says why."""
        if not self.given:
            return queryset
        try:
            return self.narrow(queryset)
        except (ValueError, ValidationError, MoneyError) as error:
            self.wrong = error.messages[0] if isinstance(error, ValidationError) else str(error)
            return queryset.none()

    def narrow(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """This will apply what was given."""
        raise NotImplementedError


def word_filter(*, title: str, field: str, name: str = "", lookup: str = "") -> type[TypedFilter]:
    """This will make a filter for one word, matched exactly unless a lookup is given."""
    parameter = name or field.replace("__", "_")

    class WordFilter(TypedFilter):
        fields = (Typed(name=parameter, label=title),)

        def narrow(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            return queryset.filter(**{f"{field}{lookup}": self.given[parameter]})

    WordFilter.title = title
    return WordFilter


def id_filter(*, title: str, field: str, name: str) -> type[TypedFilter]:
    """This will make a filter for one id."""

    class IdFilter(TypedFilter):
        fields = (Typed(name=name, label=title),)

        def narrow(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            try:
                wanted = UUID(self.given[name])
            except ValueError:
                raise ValueError("That is not a whole id.") from None
            return queryset.filter(**{field: wanted})

    IdFilter.title = title
    return IdFilter


def days_filter(*, field: str, title: str) -> type[TypedFilter]:
    """This will make a filter from one day to another, both included, in the time zone of the page."""
    start, end = f"{field}_from", f"{field}_to"

    class DaysFilter(TypedFilter):
        fields = (Typed(name=start, label="from", kind="date"), Typed(name=end, label="to", kind="date"))

        def narrow(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            if start in self.given:
                queryset = queryset.filter(**{f"{field}__gte": _day(self.given[start], time.min)})
            if end in self.given:
                queryset = queryset.filter(**{f"{field}__lte": _day(self.given[end], time.max)})
            return queryset

    DaysFilter.title = title
    return DaysFilter


def _day(text: str, at: time) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("Give the day as YYYY-MM-DD.") from None
    return timezone.make_aware(datetime.combine(day, at))


def currency_choices() -> tuple[tuple[str, str], ...]:
    """This will list the currencies of the registry for a field to choose from."""
    return (("", "any"), *((code, code) for code in sorted(EXPONENTS)))


def amount_filter(*, units: str = "units", currency: str = "currency") -> type[TypedFilter]:
    """This will make a filter by currency and, within one currency, by amount."""

    class AmountFilter(TypedFilter):
        title = "amount"
        fields = (
            Typed(name="currency", label="currency", choices=currency_choices()),
            Typed(name="amount_from", label="at least"),
            Typed(name="amount_to", label="at most"),
        )

        def narrow(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            code = self.given.get("currency", "")
            if code not in EXPONENTS:
                raise ValueError("Choose a currency: amounts of different ones cannot be compared.")
            queryset = queryset.filter(**{currency: code})
            for name, lookup in (("amount_from", "gte"), ("amount_to", "lte")):
                if name in self.given:
                    queryset = queryset.filter(**{f"{units}__{lookup}": self._units(name, code)})
            return queryset

        def _units(self, name: str, code: str) -> int:
            return from_decimal_string(self.given[name].replace(",", ""), EXPONENTS[code])

    return AmountFilter


class YesNoFilter(SimpleListFilter):
    """A filter with yes and no; the subclass says what yes means."""

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """This will offer both answers."""
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """This will keep the rows that fit the answer."""
        match self.value():
            case "yes":
                return queryset.filter(self.yes())
            case "no":
                return queryset.exclude(self.yes())
            case _:
                return queryset

    def yes(self) -> models.Q:
        """This will say which rows answer yes."""
        raise NotImplementedError


def is_set_filter(*, field: str, title: str) -> type[YesNoFilter]:
    """This will make a filter for whether a field has a value."""

    class IsSetFilter(YesNoFilter):
        parameter_name = field

        def yes(self) -> models.Q:
            return models.Q(**{f"{field}__isnull": False})

    IsSetFilter.title = title
    return IsSetFilter
