"""The outbox's handler for notices: finds out what there is to say, to whom, and sends it, each turn once.

A notice is taken before it is sent and noted right after. Whoever dies between the two leaves it taken for a while, and
then it is sent once more, under the same Message-ID, by which mail programs know that they have it already. A mail that
cannot be handed over is tried again by the outbox, ever later, and in the end stands before staff; one that bounces
later comes back to the sender's address, which this product does not read.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import connection
from django.db.models import F

from accounts import languages
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from payouts.models import Notice, OutboxMessage
from payouts.notices import kinds, loading, recipients, switches
from payouts.notices.post import Post
from payouts.notices.turns import Turn
from payouts.notices.wording import Writer

log = logger(__name__)

_NAMESPACE: Final = UUID("6f1d1c5e-3f0a-5a86-9a4e-0d6f3c1e7b42")
_LEASE: Final = timedelta(minutes=4)
"""How long one worker alone sends a notice: less than the outbox waits before it has the message told once more."""
_WORK_S: Final = 100.0
_BUSY: Final = "Another worker is sending it; ours follows."
_UNREADABLE: Final = "The address cannot be opened: its key, or its provider's settings, are missing."
_NOT_REACHED: Final = "There was no time left for this one."
_WAITING, _SENT = Notice.Outcome.WAITING, Notice.Outcome.SENT

# Taken by whoever finds it neither sent nor taken; its address is the one that is known now.
_TAKE: Final = """(kind, subject, turn, contact) DO UPDATE SET lease_until = excluded.lease_until,
    address = excluded.address, language = excluded.language, outcome = excluded.outcome
    WHERE payouts_notice.outcome <> 'sent'
      AND (payouts_notice.lease_until IS NULL OR payouts_notice.lease_until < clock_timestamp())"""


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will send payees what these messages are about; gives why not where a mail could not be sent.

    What is switched off, has nobody to go to, or is no news any more, counts as told, and its notice says so.
    """
    turns = loading.load(messages, now=now)
    drafts = _drafts(turns, now=now)
    errors = _send(turns, drafts, _take([one for some in drafts.values() for one in some]), now=now)
    waiting = _waiting([one.pk for some in drafts.values() for one in some])
    return {
        message.pk: next(
            (
                errors.get(one.pk, _BUSY if one.pk in waiting else _UNREADABLE)
                for one in drafts.get(message.pk, ())
                if one.pk in waiting or _is_unreadable(one)
            ),
            None,
        )
        for message in messages
    }


def _is_unreadable(notice: Notice) -> bool:
    """Whoever is to hear of a change had an address when it was made."""
    return notice.outcome == Notice.Outcome.NO_ADDRESS and notice.kind == kinds.METHOD_CHANGED


def _drafts(turns: Mapping[UUID, Turn], *, now: datetime) -> dict[UUID, list[Notice]]:
    """The notices of each turn, one for each address, or one that says why there is none."""
    contacts = recipients.of(turns)
    unwanted = switches.off({turn.payee.pk for turn in turns.values()})
    closed = kinds.off_by_marketplace()
    drafts: dict[UUID, list[Notice]] = defaultdict(list)
    lease = database_now(connection) + _LEASE
    for pk, turn in turns.items():
        outcome = Notice.Outcome.OVER if turn.is_over else _WAITING
        if turn.kind in closed or turn.kind in unwanted[turn.payee.pk]:
            outcome = Notice.Outcome.SWITCHED_OFF
        addresses = contacts[pk] or {Notice.Contact.PAYEE: ""}
        for contact, address in addresses.items():
            draft = _notice(turn, contact, address, now=now)
            draft.outcome = outcome if address or outcome else Notice.Outcome.NO_ADDRESS
            draft.lease_until = lease if draft.outcome == _WAITING else None
            drafts[pk].append(draft)
    return drafts


def _notice(turn: Turn, contact: str, address: str, *, now: datetime) -> Notice:
    return Notice.new(
        id=uuid5(_NAMESPACE, f"{turn.kind}/{turn.subject}/{turn.turn}/{contact}"),
        payee_id=turn.payee.pk,
        kind=turn.kind,
        subject=turn.subject,
        turn=turn.turn[:60],
        contact=contact,
        address=address[:254],
        language=languages.of(turn.payee),
        created_at=now,
    )


def _take(drafts: Sequence[Notice]) -> set[UUID]:
    """Take the sole right to send these, in one statement; gives those that are to be sent by us."""
    once = {draft.pk: draft for draft in drafts}
    found = set(rowsets.insert(Notice, list(once.values()), on_conflict=_TAKE, returning="id"))
    crash_point("notice.after_taking")
    return {pk for pk in found if once[pk].outcome == _WAITING}


def _waiting(ids: Sequence[UUID]) -> set[UUID]:
    """Those that are still to be sent, by us or by whoever has taken them."""
    return set(Notice.objects.filter(pk__among=ids, outcome=_WAITING).values_list("pk", flat=True))


def _send(
    turns: Mapping[UUID, Turn], drafts: Mapping[UUID, Sequence[Notice]], taken: set[UUID], *, now: datetime
) -> dict[UUID, str]:
    """Send what was taken, for as long as there is time; gives why not, by notice."""
    errors: dict[UUID, str] = {}
    if not taken:
        return errors
    end = time.monotonic() + _WORK_S
    writer, post = Writer(), Post()
    for pk, notices in drafts.items():
        for notice in notices:
            if notice.pk not in taken:
                continue
            taken.remove(notice.pk)  # of two messages about one turn, the first sends it
            error = _send_one(writer, post, turns[pk], notice) if time.monotonic() < end else _NOT_REACHED
            _note(notice, error, now=now)
            if error:
                errors[notice.pk] = error
    post.close()
    return errors


def _send_one(writer: Writer, post: Post, turn: Turn, notice: Notice) -> str:
    try:
        mail = writer.write(turn, notice)
    except Exception as error:
        # Whatever is wrong with this one, the others must be sent.
        log.exception("notice_unwritten", notice=str(notice.pk), kind=notice.kind)
        return f"The mail could not be written: {type(error).__name__}: {error}"
    crash_point("notice.before_call")
    why_not = post.send(mail)
    crash_point("notice.after_call")
    return why_not


def _note(notice: Notice, error: str, *, now: datetime) -> None:
    """Noted one by one: whoever dies has sent one at most of which nobody knows."""
    Notice.objects.filter(pk=notice.pk).update(
        outcome=_WAITING if error else _SENT,
        sent_at=None if error else now,
        tries=F("tries") + 1,
        lease_until=None,
        error=error,
    )
    crash_point("notice.after_note")
