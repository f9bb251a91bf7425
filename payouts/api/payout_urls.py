"""The endpoints of payees about their payouts, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from payouts.api import papers, payouts

_PAYOUT = "payouts/<uuid:payout>"

urlpatterns = [
    path("payouts/", payouts.PayoutsView.as_view(), name="api_payouts"),
    path("payouts/next", payouts.NextPayoutsView.as_view(), name="api_payouts_next"),
    path("payouts/waiting", payouts.WaitingView.as_view(), name="api_payouts_waiting"),
    path(_PAYOUT, payouts.PayoutView.as_view(), name="api_payout"),
    path(f"{_PAYOUT}/why", payouts.PayoutWhyView.as_view(), name="api_payout_why"),
    path(f"{_PAYOUT}/question", payouts.QuestionView.as_view(), name="api_payout_question"),
    path(f"{_PAYOUT}/remittance-advice", papers.AdviceView.as_view(), name="api_advice"),
    path(f"{_PAYOUT}/remittance-advice.pdf", papers.AdvicePdfView.as_view(), name="api_advice_pdf"),
    path(f"{_PAYOUT}/remittance-advice.csv", papers.AdviceCsvView.as_view(), name="api_advice_csv"),
    path("statements/<int:year>", papers.StatementView.as_view(), name="api_statement"),
    path("statements/<int:year>.pdf", papers.StatementPdfView.as_view(), name="api_statement_pdf"),
    path("statements/<int:year>.csv", papers.StatementCsvView.as_view(), name="api_statement_csv"),
]
