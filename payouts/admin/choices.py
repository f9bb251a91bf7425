"""What filters and forms let people choose from, without asking the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db import models
from django.http import HttpRequest

from marketplace_payouts.lib.currencies import EXPONENTS
from payouts.gates import GATES
from payouts.providers import registry


def providers() -> list[tuple[str, str]]:
    """This will list the payout services by name and label."""
    return [(name, kind.label) for name, kind in registry.PROVIDERS.items()]


def currencies() -> list[tuple[str, str]]:
    """This will list the currencies of the registry."""
    return [(code, code) for code in sorted(EXPONENTS)]


def gates() -> list[tuple[str, str]]:
    """This will list the gates by name and by what it means that one stops something."""
    return [*((gate.name, gate.obstacle) for gate in GATES), ("negative", "Less than nothing is owed")]


class ChosenFilter(SimpleListFilter):
    """A filter over a fixed list of choices for one column."""

    column: str = ""

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """This will keep the rows with the chosen value."""
        value = self.value()
        return queryset.filter(**{self.column: value}) if value else queryset


class ProviderFilter(ChosenFilter):
    """By payout service."""

    title = "provider"
    parameter_name = "provider"
    column = "provider"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        """This will offer every service that the product knows."""
        return providers()


def chosen_filter(*, title: str, column: str, choices: Sequence[tuple[str, str]]) -> type[ChosenFilter]:
    """This will make a filter over a fixed list of choices."""

    class Chosen(ChosenFilter):
        parameter_name = column

        def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
            return choices

    Chosen.title = title
    Chosen.column = column
    return Chosen
