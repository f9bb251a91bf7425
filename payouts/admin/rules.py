"""The rules that make payables and approve payouts; changed only by requests that another person seconds."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import amount_filter, days_filter, id_filter
from accounts.models import Marketplace
from payouts.admin import columns
from payouts.admin.request_links import links_for
from payouts.models import (
    Approval,
    ApprovalPolicy,
    ApprovalThreshold,
    ApproverLimit,
    Process,
    Schedule,
    Trigger,
)


class RuleAdmin(BackOfficeAdmin):
    """A rule's pages, with links to the requests that change it."""

    section = "Rules"
    about: ClassVar[str] = ""
    """The field of a request's form that this row fills in."""
    change_form_template = "admin/backoffice/change_form.html"
    change_list_template = "admin/backoffice/change_list.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the list with links to the requests that add or change."""
        context = dict(extra_context or {}) | {"request_links": links_for(request, self.about)}
        return super().changelist_view(request, context)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add links to the requests that change the rule."""
        return {"request_links": links_for(request, self.about, **{self.about: self.given_for(row)})}

    def given_for(self, row: Any) -> str:
        """This will give what a request's form is filled with for this row."""
        return str(row.pk)


@admin.register(Trigger)
class TriggerAdmin(RuleAdmin):
    """Triggers: the transitions at which a seller is due."""

    about = "trigger"
    ordering = ("process__name", "transition")
    list_display = (
        "__str__",
        "enabled",
        "hold_days",
        "schedule",
        "write_back",
        "requires_payment",
        "changed",
    )
    list_filter = ("enabled", "write_back", "requires_payment")
    list_select_related = ("process", "schedule", "changed_by")
    page = (
        columns.page("process"),
        "transition",
        "enabled",
        "hold_days",
        columns.json("minimums"),
        columns.page("schedule"),
        "write_back",
        columns.json("write_back_transitions"),
        "requires_payment",
        columns.json("payment_transitions"),
        "changed",
    )

    @admin.display(description="Changed")
    def changed(self, row: Trigger) -> SafeString | str:
        return cells.moment(row.changed_at)


@admin.register(Process)
class ProcessAdmin(RuleAdmin):
    """Processes: Sharetribe's transaction processes, and whether it pays sellers itself in them."""

    about = "process"
    ordering = ("name",)
    list_display = ("name", "uses_stripe", "confirmed")
    list_filter = ("uses_stripe",)
    page = (
        "name",
        "uses_stripe",
        columns.json("cancel_transitions"),
        columns.json("payment_moves", "Moved by the buyer's payment"),
        "confirmed",
        "pays_nothing_by",
    )

    @admin.display(description="Confirmed that Sharetribe pays nothing")
    def confirmed(self, row: Process) -> SafeString | str:
        return (
            cells.moment(row.pays_nothing_at)
            if row.pays_nothing_at
            else cells.badge("waits", "Not confirmed")
        )


@admin.register(Schedule)
class ScheduleAdmin(RuleAdmin):
    """Schedules: when what is due is gathered."""

    about = "schedule"
    ordering = ("name",)
    list_display = ("name", "kind", "hour", "weekday", "day_of_month", "on_date")
    list_filter = ("kind",)
    page = list_display


@admin.register(Marketplace)
class MarketplaceAdmin(RuleAdmin):
    """The marketplace: its go-live line, its calendar, its amounts."""

    about = "marketplace"
    list_display = ("name", "environment", "id", "live", "time_zone")
    page = (
        "name",
        "environment",
        "id",
        "client_id",
        "live",
        "time_zone",
        "cut_off_hour",
        "weekend_off",
        columns.json("days_off"),
        "decimals",
        columns.json("exponents"),
        "exponents_confirmed_by",
    )

    @admin.display(description="Go-live line")
    def live(self, row: Marketplace) -> SafeString | str:
        return (
            cells.moment(row.go_live_at)
            if row.go_live_at
            else cells.badge("waits", "Not chosen: nothing is paid")
        )

    @admin.display(description="Decimals confirmed")
    def decimals(self, row: Marketplace) -> SafeString | str:
        if row.exponents_confirmed_at is None:
            return cells.badge("waits", "Not confirmed")
        return cells.moment(row.exponents_confirmed_at)


@admin.register(ApprovalPolicy)
class ApprovalPolicyAdmin(RuleAdmin):
    """Approval policies: what may be approved in people's stead."""

    about = "policy"
    ordering = ("currency", "-version")
    list_display = (
        "__str__",
        "standing",
        columns.amount("maximum_units", title="Up to"),
        "payee_paid_before",
        "method_age_days",
        columns.moment("created_at"),
    )
    list_select_related = ("made_by", "seconded_by")
    list_filter = ("enabled",)
    page = (
        "currency",
        "version",
        "standing",
        columns.amount("maximum_units", title="Up to"),
        "payee_paid_before",
        "method_age_days",
        "made_by",
        "seconded_by",
        columns.moment("created_at"),
        columns.moment("retired_at", "Replaced"),
    )

    @admin.display(description="Standing")
    def standing(self, row: ApprovalPolicy) -> SafeString:
        if row.retired_at:
            return cells.badge("retired", "Replaced")
        return cells.badge("paid", "In force") if row.enabled else cells.badge("cancelled", "Switched off")

    def given_for(self, row: Any) -> str:
        """This will fill a request with the currency."""
        return str(row.currency)


@admin.register(ApprovalThreshold)
class ApprovalThresholdAdmin(RuleAdmin):
    """Thresholds: above which two people approve."""

    about = "threshold"
    ordering = ("currency",)
    list_display = (
        "currency",
        columns.amount(title="Two people above"),
        "changed_by",
        columns.moment("changed_at"),
    )
    list_select_related = ("changed_by",)
    page = list_display


@admin.register(ApproverLimit)
class ApproverLimitAdmin(RuleAdmin):
    """Limits: how much each approver may approve."""

    about = "limit"
    ordering = ("user__email", "currency")
    list_display = (
        "user",
        "currency",
        columns.amount(title="Limit"),
        "window_hours",
        "changed_by",
        columns.moment("changed_at"),
    )
    list_select_related = ("user", "changed_by")
    page = list_display


@admin.register(Approval)
class ApprovalAdmin(BackOfficeAdmin):
    """Approvals: given and refused."""

    section = "Payouts"
    list_display = (
        columns.moment("at"),
        columns.page("payout"),
        columns.state("result", "Result"),
        columns.amount(),
        "author",
        columns.short("reason"),
        "revoked",
    )
    list_filter = (
        "result",
        days_filter(field="at", title="day"),
        amount_filter(),
        id_filter(title="approver's id", field="by_id", name="by"),
    )
    list_select_related = ("payout", "by", "policy")
    search_fields = ("=payout__number", "by__email")
    page = (
        columns.page("payout"),
        columns.state("result", "Result"),
        columns.amount(),
        "author",
        "reason",
        columns.json("limit_snapshot", "Limit at that time"),
        columns.moment("at"),
        columns.moment("expires_at"),
        "revoked",
        columns.digest("digest"),
    )

    @admin.display(description="By")
    def author(self, row: Approval) -> str:
        return str(row.by or row.policy or cells.EMPTY)

    @admin.display(description="Revoked")
    def revoked(self, row: Approval) -> str | SafeString:
        return row.revoked_reason or cells.moment(row.revoked_at)
