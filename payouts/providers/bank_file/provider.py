"""The bank file as a provider: declares what a file can do, and puts the translating modules together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.clock import in_utc, utc_now
from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file import destinations, pain001, views
from payouts.providers.bank_file.bank_statements import Entry
from payouts.providers.bank_file.desk import Coverage, Desk, DeskFile, present
from payouts.providers.bank_file.identifiers import end_to_end_id, item_key_in, message_id
from payouts.providers.bank_file.offering import BankFileOffering
from payouts.providers.bank_file.pain001 import Contents
from payouts.providers.bank_file.settings import DECIMALS, BankFileSettings
from payouts.providers.base import (
    Absent,
    Accepted,
    BadItem,
    BadWebhook,
    Balance,
    BatchView,
    Cancelled,
    CannotTell,
    Capabilities,
    ConnectionReport,
    Done,
    Found,
    Hint,
    Hours,
    Key,
    NotCancellable,
    Observation,
    Outcome,
    Progress,
    ProviderError,
    ProviderUnavailable,
    RawWebhook,
    ReferenceVanished,
    Statement,
    Step,
    Unknown,
)

FILE: Final = "file"
# A desk forgets no file, so that the same bytes are the same file however long ago they were laid down.
_FOR_EVER: Final = timedelta(days=36_500)
# Banks give most of it back within days; a payee's bank may be asked for it longer.
_RETURN_WINDOW: Final = timedelta(days=90)
# Long enough for transactions to be read again and told, and for a worker that was away.
_MADE_FOR: Final = timedelta(minutes=30)
_NEVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SEPA_CAP: Final = 999_999_999_99


class BankFile:
    """Payments by a file that people carry to the bank, from one account in one currency."""

    name = "bank_file"
    label = "Bank transfer"

    def __init__(self, settings: BankFileSettings, *, desk: Desk | None = None) -> None:
        self.settings = settings
        self.offering = BankFileOffering(settings)
        self.capabilities = Capabilities(
            items_per_batch=settings.most_payments,
            one_currency_per_batch=True,
            dedupes=True,
            key_window=_FOR_EVER,
            settle_time=settings.booked_within,
            lookup_by_key=True,
            can_cancel=False,
            separate_funding=False,
            return_window=_RETURN_WINDOW,
            poll_every=timedelta(hours=1),
            concurrency=2,
            calls_per_second=50.0,
            exponents={settings.currency: DECIMALS[settings.currency]},
            caps={"EUR": _SEPA_CAP} if settings.currency == "EUR" else {},
            hours=Hours(settings.hours, settings.zone, _MADE_FOR) if settings.hours else None,
        )
        self._own_desk = desk

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will make the provider from BANK_FILE_…; None where no account is set.

        :raises ProviderError: when it is set up by half or wrongly.
        """
        settings = BankFileSettings.from_environ(env)
        return None if settings is None else cls(settings)

    @property
    def _desk(self) -> Desk:
        return self._own_desk or present()

    def next_step(self, progress: Progress) -> Step | Done:
        """This will give the file, its bytes ready to be kept, or say that it is done.

        :raises BadItem: when one payment cannot be expressed in a file.
        :raises ProviderError: when the batch as a whole cannot.
        """
        if progress.answers:
            return Done(progress.answers[-1].reference)
        if progress.at is None:
            raise ProviderError("A bank file says when it was made.")
        if progress.currency != self.settings.currency:
            raise ProviderError(
                f"Bank files are paid in {self.settings.currency}, not in {progress.currency}."
            )
        for item in progress.items:
            self._expressible(item.key, item.destination, item.amount.currency)
        body = pain001.write(self.settings, key=progress.batch_key, at=progress.at, items=progress.items)
        # Whoever may download it may have it paid, from the moment it lies on the desk.
        return Step(name=FILE, key=message_id(progress.batch_key), body=body, moves_money=True)

    def transmit(self, step: Step) -> Outcome:
        """This will lay a committed file on the desk, where people find it."""
        if step.name != FILE:
            raise ProviderError(f"A bank file has no step {step.name!r}.")
        contents = pain001.read(step.body)
        try:
            number = self._desk.take(contents.message_id)
        except ProviderUnavailable as error:
            return Unknown(str(error))
        return Accepted(
            reference=contents.message_id,
            item_references={one.key: end_to_end_id(one.key) for one in contents.payments},
            facts={"number": str(number)},
        )

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """This will look on the desk; that nothing lies there proves nothing, unless the statements say so, too.

        A desk that was restored may have forgotten a file which was uploaded since.
        """
        try:
            file = self._desk.file(message_id(key.batch_key))
            if file is not None:
                return Found(self._view(file))
            if self._desk.entries_of(key.item_keys, message_id(key.batch_key)):
                return CannotTell("A statement names payments of this file, which does not lie on the desk.")
            covered = self._desk.coverage()
        except ProviderUnavailable as error:
            return CannotTell(str(error))
        if covered is None:
            return CannotTell("No statement was taken in yet: import one.")
        as_of = min(views.end_of(covered.until), utc_now())
        return Absent(
            as_of=as_of,
            authoritative=covered.since <= in_utc(key.first_sent_at).date()
            and as_of >= in_utc(key.last_sent_at) + self.settings.booked_within,
            reason=f"No statement of {covered.since} to {covered.until} has it.",
        )

    def fetch(self, reference: str) -> BatchView:
        """This will read what became of a file.

        :raises ReferenceVanished: when no such file lies on the desk.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        file = self._desk.file(reference)
        if file is None:
            raise ReferenceVanished(f"No file {reference} lies on the desk.")
        return self._view(file)

    def fetch_item(self, reference: str) -> Observation:
        """This will read what became of one payment, by its end-to-end id.

        :raises ReferenceVanished: when it stands in no file.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        key = item_key_in(reference)
        file = self._desk.file_of(key) if key else None
        if file is None:
            raise ReferenceVanished(f"No payment {reference} stands in a file.")
        return next(one for one in self._view(file).observations if one.item_key == key)

    def cancel(self, item_reference: str) -> Cancelled | NotCancellable | Unknown:
        """This will say that a payment cannot be taken out of a file."""
        return NotCancellable(
            "A file is never changed. Withdraw it as a whole, while the bank does not have it, by a request."
        )

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """This will refuse: no bank tells us anything by itself.

        :raises BadWebhook: always.
        """
        raise BadWebhook("Bank files have no webhooks: statements are imported.")

    def balances(self) -> Sequence[Balance]:
        """This will give the balance of the newest statement less what is under way, where payouts wait for funds.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        covered = self._desk.coverage() if self.settings.hold_for_funds else None
        return [] if covered is None else _balance(covered)

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """This will give every booked entry since a day, and what was booked before of the same payments.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        covered = self._desk.coverage()
        entries = {one.reference: one for one in self._desk.entries_since(in_utc(since).date())}
        files = self._files_of(entries.values())
        keys = {one.item_key for one in entries.values() if one.item_key}
        for file in files:
            entries |= {one.reference: one for one in self._desk.entries_of(keys, file.message_id)}
        lines = [
            views.line(part)
            for one in sorted(entries.values(), key=lambda one: (one.booked_on, one.reference))
            for part in views.parts_of(one, files.of(one))
        ]
        # What the bank was given may be booked later, and it is not known here what that was.
        is_whole = covered is not None and covered.since <= in_utc(since).date()
        reaches = min(in_utc(until), views.end_of(covered.until)) if covered and is_whole else _NEVER
        return Statement(lines=lines, complete_until=reaches - self.settings.booked_within)

    def check(self) -> ConnectionReport:
        """This will say what is set up, and how far the statements reach."""
        missing = []
        covered = None
        try:
            covered = self._desk.coverage()
        except ProviderUnavailable as error:
            missing.append(str(error))
        else:
            if covered is None:
                missing.append(
                    "No statement was taken in yet: import one, so that payouts can count as paid."
                )
        settings = self.settings
        return ConnectionReport(
            ok=not missing,
            account=f"{settings.name}, •••• {settings.account[-4:]} at {settings.bic}, {settings.currency}",
            scopes=() if covered is None else (f"statements of {covered.since} to {covered.until}",),
            missing=missing,
            balances=[] if covered is None else _balance(covered),
        )

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """This will check and normalise an account.

        :raises DestinationError: when a file cannot pay there.
        """
        return destinations.read_destination(given)

    def mask(self, destination: Mapping[str, str]) -> str:
        """This will show an account without giving it away."""
        return destinations.mask(destination)

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """This will give the account's number, which is all of it that statements name."""
        return destinations.account_of(destination)

    def _expressible(self, key: str, destination: Mapping[str, str], currency: str) -> None:
        if currency != self.settings.currency:
            raise BadItem(
                f"Bank files are paid in {self.settings.currency}, not in {currency}.", item_key=key
            )
        if destination.get("country") not in self.settings.countries:
            raise BadItem("Accounts of this country are not paid by file here.", item_key=key)

    def _view(self, file: DeskFile) -> BatchView:
        keys = [one.key for one in pain001.read(file.body).payments]
        return views.batch_view(file, self._desk.entries_of(keys, file.message_id))

    def _files_of(self, entries: Iterable[Entry]) -> _Files:
        """Read each file once that some entry names, itself or one of its payments."""
        found = _Files()
        for entry in entries:
            if found.of(entry) is not None:
                continue
            file = self._desk.file_of(entry.item_key) if entry.item_key else self._desk.file(entry.message_id)
            if file is not None:
                found.add(pain001.read(file.body))
        return found


class _Files:
    """Files that were read back, found by what names them."""

    def __init__(self) -> None:
        self._by_name: dict[str, Contents] = {}

    def add(self, contents: Contents) -> None:
        """This will keep one."""
        names = (contents.message_id, *(one.key for one in contents.payments))
        self._by_name |= dict.fromkeys(names, contents)

    def of(self, entry: Entry) -> Contents | None:
        """This will give the file that an entry is about."""
        return self._by_name.get(entry.item_key or entry.message_id)

    def __iter__(self) -> Iterator[Contents]:
        return iter({one.message_id: one for one in self._by_name.values()}.values())


def _balance(covered: Coverage) -> list[Balance]:
    if covered.closing is None or covered.closing_on is None:
        return []
    available = Money(covered.closing.units - covered.open, covered.closing.currency)
    return [Balance(available=available, as_of=views.end_of(covered.closing_on))]
