"""The back office of the core: lists, dossiers, and acts behind pages that say what they do."""

from payouts.admin import (
    bank_files,
    books,
    holds,
    owed,
    payees,
    payout_list,
    questions,
    request_list,
    rules,
    sending,
    subscriptions,
    system,
    webhook_messages,
)

__all__ = [
    "bank_files",
    "books",
    "holds",
    "owed",
    "payees",
    "payout_list",
    "questions",
    "request_list",
    "rules",
    "sending",
    "subscriptions",
    "system",
    "webhook_messages",
]
