"""The page on which a statement of the bank is uploaded."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.backoffice import cells
from accounts.backoffice.acting import ReasonForm
from accounts.backoffice.base import demand
from accounts.models import User
from accounts.roles import NotAllowed
from marketplace_payouts.lib.clock import utc_now
from payouts.bank_files import handing_out, uploading
from payouts.errors import DomainError
from payouts.providers.bank_file.bank_statements import LARGEST

_WILL = (
    "Keep the file, sealed, and read it: a camt.053, or a CSV, of the account that files are paid from.",
    "Ask for it to be seconded. Until another person has done so, nothing changes.",
    "Then find out what was paid and what came back, and show what it cannot match to people.",
)


class UploadForm(ReasonForm):
    """Asks for the file, and for its days where it has none of its own."""

    file = forms.FileField(label="Statement")
    first_day = forms.DateField(
        required=False,
        label="From",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Only for a CSV that covers days without bookings: its first whole day.",
    )
    last_day = forms.DateField(
        required=False,
        label="To",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Likewise: its last whole day. Never today, unless the bank is done with it.",
    )
    field_order = ("file", "first_day", "last_day", "reason")


def upload(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """This will show the form, and keep what is posted."""
    demand(request, handing_out.NEEDS)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        answer = _keep(request, form)
        if answer is not None:
            return answer
    context = {**site.each_context(request), "title": "Upload a statement", "will": _WILL, "form": form}
    return TemplateResponse(request, "admin/payouts/bankstatement/upload.html", context)


def _keep(request: HttpRequest, form: UploadForm) -> HttpResponse | None:
    user = request.user
    assert isinstance(user, User)
    given = form.cleaned_data
    try:
        made = uploading.upload(
            by=user,
            name=given["file"].name or "statement",
            # One byte more than is taken tells one that is too large.
            body=given["file"].read(LARGEST + 1),
            reason=given["reason"],
            first_day=given["first_day"],
            last_day=given["last_day"],
            now=utc_now(),
        )
    except (DomainError, NotAllowed) as error:
        form.add_error(None, str(error))
        return None
    messages.success(request, f"Asked for: {made.summary} Another person must second it.")
    return HttpResponseRedirect(cells.url_of(made))
