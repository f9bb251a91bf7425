"""The desk for bank files as staff see it: files, statements, and their entries."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin
from accounts.backoffice.base import BackOfficeAdmin, may
from accounts.backoffice.filters import (
    Typed,
    TypedFilter,
    YesNoFilter,
    amount_filter,
    days_filter,
    id_filter,
    is_set_filter,
)
from marketplace_payouts.lib.crypto import CryptoError
from marketplace_payouts.lib.ids import uuid_or_none
from marketplace_payouts.lib.money import Money
from payouts.admin import columns
from payouts.admin.bank_file_acts import Confirm, DownloadCsv, DownloadXml
from payouts.admin.choices import chosen_filter
from payouts.admin.request_links import form_of, links_for
from payouts.bank_files import handing_out, importing
from payouts.bank_files.desk import open_details
from payouts.models import Attempt, AttemptState, BankEntry, BankFile, BankStatement
from payouts.providers.bank_file.bank_statements import EntryKind

_PAYMENTS_SHOWN = 200
_KINDS = [(kind.value, kind.value) for kind in EntryKind]


@admin.register(BankFile)
class BankFileAdmin(ActingAdmin):
    """Bank files: what is carried to the bank by hand."""

    section = "Sending"
    rank = 10
    acts = (DownloadXml(), DownloadCsv(), Confirm())
    act_columns = (
        ("File", str),
        ("Payments", lambda row: f"{row.batch.item_count:,}"),
        ("Control sum", lambda row: cells.amount(row.batch.total_units, row.batch.currency)),
        ("Id at the bank", lambda row: cells.code(row.message_id)),
    )
    list_display = (
        "__str__",
        "standing_",
        "payments_",
        "total_",
        columns.moment("made_at"),
        columns.moment("downloaded_at"),
        columns.moment("uploaded_at", "Confirmed"),
    )
    list_filter = (
        is_set_filter(field="uploaded_at", title="confirmed"),
        is_set_filter(field="withdrawn_at", title="withdrawn"),
        days_filter(field="made_at", title="made"),
    )
    list_select_related = ("batch",)
    search_fields = ("=number", "=message_id", "=batch__attempts__payout__number", "=batch__attempts__key")
    search_help_text = "Its number or id, or the number of a payout in it."
    ordering = ("-number",)
    change_form_template = "admin/backoffice/change_form.html"
    page = (
        "number",
        "standing_",
        columns.code("message_id", "Id at the bank"),
        "payments_",
        "total_",
        columns.page("batch", text="the batch"),
        columns.moment("made_at"),
        "record_",
        "withdrawn_reason",
        "entries_",
        "list_",
    )

    def act_rows(self, ids: Any) -> QuerySet[BankFile]:
        """This will load files with what acts show."""
        return super().act_rows(ids).select_related("batch")

    def act_amount(self, row: BankFile) -> Money | None:
        """This will give the control sum."""
        return Money(int(row.batch.total_units), row.batch.currency)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add the way to withdraw it."""
        links = [] if row.withdrawn_at else links_for(request, "bank_file", file=str(row.pk))
        return super().page_context(request, row) | {"request_links": links}

    @admin.display(description="Standing")
    def standing_(self, row: BankFile) -> SafeString:
        return cells.badge(_BADGES[row.standing], row.standing.capitalize())

    @admin.display(description="Payments")
    def payments_(self, row: BankFile) -> SafeString:
        return cells.link(
            cells.list_of(Attempt, f"batch={row.batch_id}"), f"{row.batch.item_count:,} payments"
        )

    @admin.display(description="Control sum")
    def total_(self, row: BankFile) -> SafeString:
        return cells.amount(row.batch.total_units, row.batch.currency)

    @admin.display(description="Who did what")
    def record_(self, row: BankFile) -> SafeString | str:
        acts = row.acts.select_related("by").order_by("at", "pk")
        lines = format_html_join(
            "",
            "<li>{} {}, {}: “{}”</li>",
            ((cells.moment(one.at), one.get_act_display(), one.by, one.reason) for one in acts),
        )
        return format_html("<ul>{}</ul>", lines) if lines else cells.EMPTY

    @admin.display(description="On statements")
    def entries_(self, row: BankFile) -> SafeString:
        return cells.link(cells.list_of(BankEntry, f"file={row.pk}"), "what the bank booked of it")

    @admin.display(description="What became of each")
    def list_(self, row: BankFile) -> SafeString:
        attempts = Attempt.objects.filter(batch=row.batch_id).select_related("payout").order_by("pk")
        lines = format_html_join(
            "",
            "<li>{} {} {}{}</li>",
            (
                (
                    cells.page_of(one.payout),
                    cells.amount(one.units, one.currency),
                    cells.badge(one.status or one.state),
                    _not_carried_out(row, one),
                )
                for one in attempts[:_PAYMENTS_SHOWN]
            ),
        )
        return format_html("<ul>{}</ul>", lines)


_BADGES = {"made": "pending", "downloaded": "waits", "uploaded": "paid", "withdrawn": "cancelled"}


def _not_carried_out(file: BankFile, attempt: Attempt) -> SafeString | str:
    if attempt.state != AttemptState.ACCEPTED or file.uploaded_at is None:
        return ""
    url = form_of("bank_payment_refused", payout=str(attempt.payout_id))
    return format_html(' <a href="{}">The bank did not carry it out…</a>', url)


@admin.register(BankStatement)
class BankStatementAdmin(BackOfficeAdmin):
    """Bank statements: uploaded by one, counting once another has seconded them."""

    section = "Sending"
    rank = 11
    list_display = (
        "__str__",
        "standing",
        "format",
        "closing",
        "imported_by",
        columns.moment("imported_at", "Uploaded"),
    )
    list_filter = (
        is_set_filter(field="taken_at", title="counts"),
        days_filter(field="imported_at", title="uploaded"),
    )
    list_select_related = ("imported_by", "taken_by")
    change_list_template = "admin/backoffice/change_list.html"
    ordering = ("-last_day", "-pk")
    page = (
        "name",
        "standing",
        "format",
        "first_day",
        "last_day",
        "opening",
        "closing",
        "imported_by",
        columns.moment("imported_at", "Uploaded"),
        "taken_by",
        columns.moment("taken_at", "Counts since"),
        columns.digest("sha256", "SHA-256"),
        "entries_",
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """This will offer the upload."""
        links = (
            [{"label": "Upload a statement", "url": reverse("admin:upload_bank_statement")}]
            if may(request, handing_out.NEEDS)
            else []
        )
        return super().changelist_view(request, (extra_context or {}) | {"request_links": links})

    def get_queryset(self, request: HttpRequest) -> QuerySet[BankStatement]:
        """This will leave the sealed file where it is."""
        return super().get_queryset(request).defer("sealed")

    @admin.display(description="Standing")
    def standing(self, row: BankStatement) -> SafeString:
        if row.taken_at is not None:
            return cells.badge("paid", "Counts")
        if importing.waits(row):
            return cells.badge("waits", "To be seconded")
        return cells.badge("failed", "Declined, and never counted")

    @admin.display(description="Opening balance")
    def opening(self, row: BankStatement) -> SafeString:
        return cells.amount(row.opening_units, row.currency)

    @admin.display(description="Closing balance")
    def closing(self, row: BankStatement) -> SafeString:
        return cells.amount(row.closing_units, row.currency)

    @admin.display(description="Entries")
    def entries_(self, row: BankStatement) -> SafeString:
        return cells.link(cells.list_of(BankEntry, f"statement={row.pk}"), "the entries that it brought")


class StrangerFilter(YesNoFilter):
    """By whether it is of no file of ours."""

    title = "of no file of ours"
    parameter_name = "stranger"

    def yes(self) -> Q:
        """This will keep debits and returns that name nothing of ours."""
        ours = Attempt.objects.filter(provider="bank_file", key=OuterRef("item_key"))
        files = BankFile.objects.filter(message_id=OuterRef("message_id"))
        return Q(kind__in=("debit", "return", "other")) & ~Q(Exists(ours)) & ~Q(Exists(files))


class FileFilter(TypedFilter):
    """By the file that it is about."""

    title = "file's id"
    fields = (Typed(name="file", label="id"),)

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """This will keep entries of the file's payments, or of it as a whole.

        :raises ValueError: when it is no id.
        """
        if (wanted := uuid_or_none(self.given["file"])) is None:
            raise ValueError("That is not a whole id.")
        file = BankFile.objects.filter(pk=wanted).first()
        if file is None:
            return queryset.none()
        keys = Attempt.objects.filter(batch=file.batch_id).values("key")
        return queryset.filter(Q(item_key__in=keys) | Q(message_id=file.message_id))


@admin.register(BankEntry)
class BankEntryAdmin(BackOfficeAdmin):
    """Bank entries: what the bank booked on the account."""

    section = "Sending"
    rank = 12
    list_display = (
        "booked_on",
        "kind",
        columns.amount(),
        "payout_",
        columns.code("reference", "Bank's reference"),
        "reason",
        columns.page("statement"),
    )
    list_filter = (
        chosen_filter(title="kind", column="kind", choices=_KINDS),
        StrangerFilter,
        amount_filter(),
        FileFilter,
        id_filter(title="statement's id", field="statement_id", name="statement"),
    )
    list_select_related = ("statement",)
    search_fields = ("=reference", "=item_key", "=message_id")
    ordering = ("-booked_on", "-pk")
    page = (
        "booked_on",
        "kind",
        columns.amount(),
        "payout_",
        "text",
        columns.code("reference", "Bank's reference"),
        columns.code("item_key", "Our key of the payment"),
        columns.code("message_id", "File that it is the sum of"),
        "reason",
        columns.page("statement"),
    )

    @admin.display(description="Payout")
    def payout_(self, row: BankEntry) -> SafeString | str:
        if not row.item_key:
            return cells.EMPTY
        attempt = (
            Attempt.objects.filter(provider="bank_file", key=row.item_key).select_related("payout").first()
        )
        return cells.EMPTY if attempt is None else cells.page_of(attempt.payout)

    @admin.display(description="What it says")
    def text(self, row: BankEntry) -> str:
        try:
            details = open_details(row)
        except CryptoError as error:
            return f"Cannot be opened: {error}"
        account = details["account"]
        other = f"•••• {account[-3:]}" if account else ""
        return " ".join(filter(None, (other, details["text"]))) or cells.EMPTY
