"""Staff see what a payee was written, and whom writing did not help."""

from __future__ import annotations

from django.urls import reverse

from accounts.models import Payee
from payouts.models import Reminder


def test_the_page_of_a_payee_has_every_mail_with_what_became_of_it(as_role, everything):
    payee = everything["paid"].payee
    page = as_role("viewer").get(reverse("admin:accounts_payee_change", args=[payee.pk])).content.decode()
    mails = page.partition("Mails to the payee")[2].partition("What staff did")[0]
    assert payee.email in mails
    for told in ("Paid", "Sent", "Owed", "Not sent: switched off", "in vain"):
        assert told in mails, told


def test_whom_writing_did_not_help_is_found(as_role, everything):
    url = reverse("admin:accounts_payee_changelist")
    payee = everything["paid"].payee
    staff = as_role("operator")
    assert list(staff.get(f"{url}?asked=yes").context["cl"].queryset) == [payee]
    assert payee not in staff.get(f"{url}?asked=no").context["cl"].queryset
    Reminder.objects.update(ended_at=Reminder.objects.get().began_at)
    assert not staff.get(f"{url}?asked=yes").context["cl"].queryset.exists()
    assert Payee.objects.count() > 1
