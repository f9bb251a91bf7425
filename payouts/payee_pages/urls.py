"""The addresses of the payees' pages."""

from __future__ import annotations

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from payouts.payee_pages import entrance, look, mails, methods, papers, payouts
from payouts.payee_pages.door import nowhere, open_page

app_name = "payee"


class KindConverter(StringConverter):
    """The kind of a paper."""

    regex = "pdf|csv"


register_converter(KindConverter, "kind")

urlpatterns = [
    path("", payouts.home, name="home"),
    path("enter", entrance.enter, name="enter"),
    path("enter/answer", entrance.entered, name="entered"),
    path("code/ask", entrance.ask_for_code, name="ask_for_code"),
    path("code/", entrance.give_code, name="code"),
    path("again/", entrance.again, name="again"),
    path("leave", entrance.leave, name="leave"),
    path("language", entrance.choose_language, name="language"),
    path("colours.css", look.colours, name="colours"),
    path("logo", look.logo, name="logo"),
    path("payouts/", payouts.listed, name="payouts"),
    path("payouts/<uuid:payout_id>/", payouts.one, name="payout"),
    path("payouts/<uuid:payout_id>/advice.<kind:kind>", papers.advice, name="advice"),
    path("statements/", papers.statements, name="statements"),
    path("statements/<int:year>.<kind:kind>", papers.statement, name="statement"),
    path("mails/", mails.choose, name="mails"),
    path("method/", methods.overview, name="method"),
    path("method/add/", methods.offers, name="offers"),
    path("method/add/<slug:provider>/", methods.add, name="add_method"),
    path("method/<uuid:method_id>/default/", methods.make_default, name="make_default"),
    path("method/<uuid:method_id>/retire/", methods.retire, name="retire"),
    path("method/<uuid:method_id>/confirm/", methods.ask_to_confirm, name="ask_to_confirm"),
    re_path("", open_page(nowhere)),
]
