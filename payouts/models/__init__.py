"""The tables of the core, by noun."""

from payouts.models.bank_files import BankEntry, BankFile, BankFileAct, BankRefusal, BankStatement
from payouts.models.books import Heartbeat, Incarnation, Incident, OutboxMessage, Posting
from payouts.models.cases import Case, CaseKind, CaseMessage
from payouts.models.decisions import (
    Approval,
    ApprovalPolicy,
    ApprovalThreshold,
    ApproverLimit,
    Hold,
    Note,
    Rail,
    Request,
    StaffAct,
)
from payouts.models.hearing import Observation, WebhookDelivery
from payouts.models.methods import MethodChange, PayoutMethod
from payouts.models.notices import Notice, NoticeSwitch, Reminder
from payouts.models.owed import Payable
from payouts.models.payouts import BEFORE_SENDING, Payout, PayoutEvent, PayoutLine, State
from payouts.models.sending import (
    OPEN_ATTEMPTS,
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    ProviderFunds,
    Step,
    StepBody,
)
from payouts.models.sources import Announcement, Process, Schedule, Source, SourceCheck, Trigger
from payouts.models.subscriptions import (
    WebhookCall,
    WebhookMessage,
    WebhookSubscription,
    WebhookSubscriptionChange,
)

__all__ = [
    "BEFORE_SENDING",
    "OPEN_ATTEMPTS",
    "Announcement",
    "Approval",
    "ApprovalPolicy",
    "ApprovalThreshold",
    "ApproverLimit",
    "Attempt",
    "AttemptState",
    "BankEntry",
    "BankFile",
    "BankFileAct",
    "BankRefusal",
    "BankStatement",
    "Batch",
    "BatchState",
    "Case",
    "CaseKind",
    "CaseMessage",
    "Heartbeat",
    "Hold",
    "Incarnation",
    "Incident",
    "MethodChange",
    "Note",
    "Notice",
    "NoticeSwitch",
    "Observation",
    "OutboxMessage",
    "Payable",
    "Payout",
    "PayoutEvent",
    "PayoutLine",
    "PayoutMethod",
    "Posting",
    "Process",
    "ProviderFunds",
    "Rail",
    "Reminder",
    "Request",
    "Schedule",
    "Source",
    "SourceCheck",
    "StaffAct",
    "State",
    "Step",
    "StepBody",
    "Trigger",
    "WebhookCall",
    "WebhookDelivery",
    "WebhookMessage",
    "WebhookSubscription",
    "WebhookSubscriptionChange",
]
