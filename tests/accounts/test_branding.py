"""The brand is what the settings say, can be read by people, and means nothing else where it stands."""

from __future__ import annotations

import pytest

from accounts import branding, branding_checks
from accounts.branding import BadBrand
from tests import factories

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def ids(settings) -> set[str | None]:
    """The ids of what the checks find."""
    return {found.id for found in branding_checks.check_branding()}


@pytest.mark.django_db
def test_without_settings_it_is_named_as_sharetribe_has_it(settings):
    assert branding.brand().name == "Marketplace Payouts"
    settings.FLEX_CLIENT_ID = "ours"
    factories.MarketplaceFactory.create(client_id="ours")
    brand = branding.brand()
    assert (brand.name, brand.sender) == ("Harbour Market", "Harbour Market <payouts@localhost>")
    assert ids(settings) == set()


def test_the_sender_keeps_a_name_of_its_own_and_help_gets_the_answers(settings):
    settings.BRAND_NAME, settings.BRAND_SUPPORT_EMAIL = "Chợ Bến Thành", "help@shop.example"
    settings.DEFAULT_FROM_EMAIL = "Pay desk <pay@shop.example>"
    mail = branding.brand().mail(subject="Paid", body="You are paid.", to="ada@mail.example").message()
    assert (mail["From"], mail["Reply-To"]) == ("Pay desk <pay@shop.example>", "help@shop.example")
    settings.DEFAULT_FROM_EMAIL = "pay@shop.example"
    assert branding.brand().sender.startswith("=?utf-8?")  # in signs that a header may have


@pytest.mark.parametrize(("colour", "on_colour"), [("#1f4e5f", "#ffffff"), ("#ffd500", "#16232b")])
def test_text_on_any_colour_can_be_read(settings, colour, on_colour):
    settings.BRAND_NAME, settings.BRAND_COLOUR = "Shop", colour
    brand = branding.brand()
    assert brand.on_colour == on_colour
    assert branding.contrast(brand.on_colour, brand.colour) >= branding.READABLE
    assert branding.contrast(brand.link_colour, "#ffffff") >= branding.READABLE


def test_contrast_is_wcags():
    assert branding.contrast("#ffffff", "#000000") == pytest.approx(21)
    assert branding.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_logo_is_a_small_picture(settings, tmp_path):
    settings.BRAND_NAME = "Shop"
    for name, content, kind in (
        ("a.png", PNG, "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    ):
        (tmp_path / name).write_bytes(content)
        settings.BRAND_LOGO = str(tmp_path / name)
        logo = branding.brand().logo
        assert logo is not None
        assert (logo.content, logo.kind) == (content, kind)
    (tmp_path / "page.png").write_text("<html><script>alert(1)</script></html>")
    with pytest.raises(BadBrand, match="no PNG, JPEG or SVG"):
        branding.read_logo(str(tmp_path / "page.png"))


@pytest.mark.parametrize(
    ("name", "value", "id_"),
    [
        ("BRAND_NAME", "Shop\nBcc: eve@mail.example", "payouts.E090"),
        ("BRAND_URL", "javascript:alert(1)", "payouts.E091"),
        ("BRAND_URL", 'https://shop.example/"><script>', "payouts.E091"),
        ("DEFAULT_FROM_EMAIL", "nobody", "payouts.E092"),
        ("BRAND_SUPPORT_EMAIL", "help at shop", "payouts.E092"),
        ("BRAND_COLOUR", "red", "payouts.E093"),
        ("BRAND_TEXT_COLOUR", "#123", "payouts.E093"),
        ("BRAND_TEXT_COLOUR", "#205060", "payouts.E094"),
        ("BRAND_LOGO", "/nowhere/logo.png", "payouts.E095"),
        ("BRAND_LOGO", "https://shop.example/a; script-src *", "payouts.E095"),
    ],
)
def test_what_means_nothing_is_refused(settings, name, value, id_):
    setattr(settings, name, value)
    assert ids(settings) == {id_}


def test_a_large_logo_is_refused(settings, tmp_path):
    (tmp_path / "a.png").write_bytes(PNG + b"\0" * branding.LARGEST_LOGO)
    settings.BRAND_LOGO = str(tmp_path / "a.png")
    assert ids(settings) == {"payouts.E095"}
