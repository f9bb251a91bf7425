"""The few column types that the core repeats."""

from __future__ import annotations

from typing import Any

from django.db import models

from marketplace_payouts.lib.ids import uuid7


def amount_column(**options: Any) -> models.DecimalField[Any, Any]:
    """This will make a column for an amount in the currency's smallest unit: numeric(40,0)."""
    return models.DecimalField(max_digits=40, decimal_places=0, **options)


def currency_column(**options: Any) -> models.CharField[Any, Any]:
    """This will make a column for a currency code of the registry (`EUR`, `USDC@solana`)."""
    return models.CharField(max_length=20, **options)


def id_column() -> models.UUIDField[Any, Any]:
    """This will make a primary key that is random and sorts by time (UUIDv7)."""
    return models.UUIDField(primary_key=True, default=uuid7, editable=False)
