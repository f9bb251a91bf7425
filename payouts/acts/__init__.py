"""Every act that needs two people, in one table."""

from __future__ import annotations

from payouts.acts import bank_files, configuration, money, payments, people
from payouts.acts.base import Act, Asked

ACTS: dict[str, Act] = {**people.ACTS, **money.ACTS, **payments.ACTS, **bank_files.ACTS, **configuration.ACTS}

__all__ = ["ACTS", "Act", "Asked"]
