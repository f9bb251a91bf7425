"""The forms of acts that need two people: each gives the payload that `payouts.requests` makes a request of."""

from __future__ import annotations

from payouts.admin.request_forms import bank_files, money, payments, people, rules
from payouts.admin.request_forms.base import RequestForm

FORMS: dict[str, type[RequestForm]] = {
    "method_add": people.MethodAdd,
    "method_verify": people.MethodVerify,
    "limit_set": people.LimitSet,
    "payable_add": money.PayableAdd,
    "clawback_decide": money.ClawbackDecide,
    "resolve_unknown": money.ResolveUnknown,
    "pay_by_hand": money.PayByHand,
    "suspense_explain": money.SuspenseExplain,
    "incident_close": money.IncidentClose,
    "payment_record": payments.PaymentRecord,
    "bank_statement_take": bank_files.Take,
    "bank_file_withdraw": bank_files.Withdraw,
    "bank_payment_refused": bank_files.PaymentRefused,
    "trigger_change": rules.TriggerChange,
    "process_set": rules.ProcessSet,
    "process_confirm": rules.ProcessConfirm,
    "calendar_set": rules.CalendarSet,
    "schedule_set": rules.ScheduleSet,
    "policy_set": rules.PolicySet,
    "threshold_set": rules.ThresholdSet,
    "go_live": rules.GoLive,
    "exponents_confirm": rules.ExponentsConfirm,
}

__all__ = ["FORMS", "RequestForm"]
