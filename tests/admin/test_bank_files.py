"""Bank files in the back office: downloaded by one, confirmed by another; statements uploaded and seconded."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.internal.flows import login
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from payouts import incarnation, requests
from payouts.models import (
    Attempt,
    AttemptState,
    BankEntry,
    BankFile,
    BankFileAct,
    BankStatement,
    Payout,
    Request,
    State,
    Step,
)
from payouts.providers import registry
from payouts.providers.bank_file.identifiers import end_to_end_id, message_id
from payouts.steps import sealed_body
from tests import factories
from tests.admin.conftest import ROLES, nothing_is_written
from tests.providers.bank_file.papers import ENVIRON, camt, entry, file_of, item, statement

UPLOAD = "admin:upload_bank_statement"
MAY = {"operator", "approver"}


@pytest.fixture(autouse=True)
def _bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account from which files are paid."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def file(people: dict[str, Any]) -> BankFile:
    """A file with one payment, in a database that may send."""
    incarnation.accept(by="tests")
    payout = factories.PayoutFactory.create(state=State.SUBMITTED)
    attempt = Attempt.objects.get(payout=payout)
    batch = attempt.batch
    key, batch_key = str(uuid.uuid4()), str(uuid.uuid4())
    Attempt.objects.filter(pk=attempt.pk).update(provider="bank_file", key=key, state=AttemptState.ACCEPTED)
    Payout.objects.filter(pk=payout.pk).update(provider="bank_file")
    made = file_of(item(units=int(attempt.units), key=key), key=batch_key)
    batch.provider, batch.key, batch.reference = "bank_file", batch_key, message_id(batch_key)
    batch.save()
    step = Step.objects.create(
        batch=batch,
        n=0,
        name="file",
        key=made.key,
        moves_money=True,
        digest=hashlib.sha256(made.body).digest(),
    )
    body = sealed_body(step, "request", made.body, clock=timezone.now())
    body.save()
    return BankFile.objects.create(number=7, batch=batch, message_id=made.key, made_at=timezone.now())


def do(client: Any, name: str, row: BankFile, **given: str) -> Any:
    url = reverse("admin:payouts_bankfile_act", args=[name])
    return client.post(url, {"ids": str(row.pk), "confirmed": "1", "reason": "Daily", **given}, follow=True)


def said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def a_statement(row: BankFile) -> bytes:
    attempt = Attempt.objects.get(batch=row.batch)
    amount = f"{int(attempt.units) / 100:.2f}"
    booked = entry(amount, end_to_end=end_to_end_id(attempt.key), reference="B1")
    return camt(statement(booked, opening=amount, closing="0.00"))


def upload(client: Any, body: bytes, **given: str) -> Any:
    posted = SimpleUploadedFile("statement.xml", body)
    return client.post(reverse(UPLOAD), {"file": posted, "reason": "Daily", **given}, follow=True)


@pytest.mark.parametrize("role", ROLES)
def test_only_who_may_carries_files(role, as_role, file):
    client = as_role(role)
    page = client.get(reverse("admin:payouts_bankfile_change", args=[file.pk])).content.decode()
    assert ("Download (pain.001)" in page) is (role in MAY)
    listed = client.get(reverse("admin:payouts_bankstatement_changelist")).content.decode()
    assert ("Upload a statement" in listed) is (role in MAY)
    with nothing_is_written():
        assert client.get(reverse(UPLOAD)).status_code == (200 if role in MAY else 403)
        if role not in MAY:
            assert do(client, "download_xml", file).status_code == 403
            assert upload(client, b"x").status_code == 403


@pytest.mark.parametrize("name", ["download_xml", "download_csv"])
def test_a_download_wants_a_fresh_second_factor(as_role, people, file, settings, name):
    settings.STAFF_MFA_REQUIRED = True
    operator = people["operator"]
    TOTP.activate(operator, generate_totp_secret())
    client = as_role("operator")
    session = client.session
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": time.time() - 3600}]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(operator.pk)
    session.save()
    url = reverse("admin:payouts_bankfile_act", args=[name])
    answer = client.post(url, {"ids": str(file.pk), "confirmed": "1", "reason": "Daily"})
    assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    assert not BankFileAct.objects.exists()


def test_one_downloads_and_another_confirms(as_role, file):
    operator, approver = as_role("operator"), as_role("approver")
    given = do(operator, "download_xml", file)
    assert given["Content-Type"] == "application/xml"
    assert f'filename="{file.message_id}.xml"' in given["Content-Disposition"]
    assert "no-store" in given["Cache-Control"]
    assert file.message_id.encode() in given.content
    again = do(operator, "download_csv", file)
    assert again.content.startswith(b"end_to_end_id,amount")

    assert "another person" in said(do(operator, "confirm", file))
    assert "Confirmed" in said(do(approver, "confirm", file))
    file.refresh_from_db()
    assert file.standing == "uploaded"
    page = approver.get(reverse("admin:payouts_bankfile_change", args=[file.pk])).content.decode()
    assert "Downloaded as XML" in page
    assert "“Daily”" in page
    assert "The bank did not carry it out" in page


def test_a_file_without_a_reason_stays_here(as_role, file):
    do(as_role("operator"), "download_xml", file, reason="")
    assert not BankFileAct.objects.exists()


def test_a_statement_is_uploaded_by_one_and_seconded_by_another(as_role, people, file):
    operator = as_role("operator")
    shown = upload(operator, a_statement(file))
    assert "Take in the bank's statement" in said(shown).replace("’", "'")
    made = Request.objects.get(act="bank_statement_take")
    assert not BankEntry.objects.exists()
    row = BankStatement.objects.get()
    page = operator.get(reverse("admin:payouts_bankstatement_change", args=[row.pk])).content.decode()
    assert "To be seconded" in page
    requests.second(request_id=made.pk, by=people["approver"], now=timezone.now())
    listed = operator.get(
        reverse("admin:payouts_bankentry_changelist"), {"file": str(file.pk)}
    ).content.decode()
    assert "B1" in listed
    strangers = operator.get(reverse("admin:payouts_bankentry_changelist"), {"stranger": "yes"})
    assert "B1" not in strangers.content.decode()


@pytest.mark.parametrize("body", [b"", b"<html/>", b"account;booked_on\n1;2\n"])
def test_what_is_no_statement_is_refused_on_its_page(as_role, people, body):
    response = upload(as_role("operator"), body)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert not BankStatement.objects.exists()


def test_the_first_page_says_what_is_to_be_carried(as_role, file):
    client = as_role("operator")
    assert "Bank files to download and upload" in client.get("/admin/").content.decode()
    BankFile.objects.update(downloaded_at=timezone.now())
    assert "another person must confirm" in client.get("/admin/").content.decode()


def test_whoever_may_asks_to_withdraw_a_file(as_role, people, file):
    page = as_role("approver").get(reverse("admin:payouts_bankfile_change", args=[file.pk])).content.decode()
    assert "Withdraw a bank file" in page
    url = reverse("admin:new_request_of", args=["bank_file_withdraw"])
    as_role("approver").post(url, {"file": str(file.pk), "reason": "Never uploaded"})
    made = Request.objects.get(act="bank_file_withdraw")
    requests.second(request_id=made.pk, by=people["another"], now=timezone.now())
    file.refresh_from_db()
    assert file.standing == "withdrawn"
    shown = as_role("operator").get(reverse("admin:payouts_bankfile_change", args=[file.pk])).content.decode()
    assert "Download (pain.001)" not in shown


def test_a_payouts_page_shows_the_file_without_names_and_accounts(as_role, file):
    payout = Payout.objects.get(attempts__batch=file.batch)
    page = as_role("viewer").get(reverse("admin:payouts_payout_change", args=[payout.pk])).content.decode()
    assert file.message_id in page
    assert "Anna Mueller" not in page
    assert "DE75512108001245126199" not in page
