"""The demo's staff read the admin's pages as a browser without scripts does."""

from __future__ import annotations

import pytest

from demo.browser import code_of
from demo.forms import read_page

LIST = """
<ul class="messagelist"><li class="success">Approved (2): PO-1, PO-2.</li><li class="error">PO-3: Too much.</li></ul>
<form id="changelist-search" method="get"><input type="text" name="q" value="anna &amp; co"></form>
<form id="changelist-form" method="post">
  <input type="hidden" name="csrfmiddlewaretoken" value="t0k3n">
  <select name="action"><option value="">---</option><option value="approve">Approve</option></select>
  <input type="checkbox" name="_selected_action" value="a"><input type="checkbox" name="_selected_action" value="b">
  <input type="checkbox" name="ticked" checked>
  <button type="submit" name="index" value="0">Go</button>
</form>
"""
ASK = """
<form method="post" action="/admin/payouts/payout/act/approve/">
  <input type="hidden" name="ids" value="a b">
  <textarea name="reason" rows="3">
&lt;why&gt;
second line</textarea>
  <select name="outcome"><option value="paid">Paid</option><option value="not_paid" selected>Not</option></select>
  <ul class="errorlist"><li>Say <b>why</b>.</li></ul>
</form>
"""


def test_reads_what_a_list_offers():
    page = read_page(LIST, url="http://web/admin/payouts/payout/?p=1")
    form = page.form("_selected_action")
    assert form is not None
    assert (form.id, form.action) == ("changelist-form", "http://web/admin/payouts/payout/?p=1")
    assert form.boxes == {"_selected_action": ["a", "b"]}
    assert form.fields == [("csrfmiddlewaretoken", "t0k3n"), ("action", ""), ("ticked", "on")]
    assert page.messages == [("success", "Approved (2): PO-1, PO-2."), ("error", "PO-3: Too much.")]
    assert page.complaints == ["PO-3: Too much."]


def test_sends_what_stands_in_a_form_unless_it_was_filled_in():
    form = read_page(LIST, url="http://web/").form("_selected_action")
    assert form is not None
    sent = form.filled({"action": "approve", "_selected_action": ["b"]})
    assert sent == [
        ("csrfmiddlewaretoken", "t0k3n"),
        ("ticked", "on"),
        ("action", "approve"),
        ("_selected_action", "b"),
    ]


def test_reads_texts_choices_and_errors():
    page = read_page(ASK, url="http://web/")
    form = page.form("reason")
    assert form is not None
    assert form.action == "http://web/admin/payouts/payout/act/approve/"
    assert form.fields == [("ids", "a b"), ("reason", "<why>\nsecond line"), ("outcome", "not_paid")]
    assert page.complaints == ["Say why."]


def test_reads_what_is_written_and_which_form_goes_to_the_page_itself():
    away = '<form method="post" action="/away"><input name="a"></form>'
    here = '<form method="post"><input name="b" value="1"></form>'
    page = read_page(f"<p>Paid &amp;\n  <b>done</b></p>{away}{here}", url="http://web/payee/")
    assert page.text == "Paid & done"
    assert page.own_form is not None
    assert page.own_form.fields == [("b", "1")]
    assert read_page(away, url="http://web/payee/").own_form is None


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_gives_the_digits_of_rfc_6238(at, code):
    assert code_of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", at=at) == code
