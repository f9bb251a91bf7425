"""The link in a mail by which a payee gets no more of its kind: it names the payee and the kind, and needs no log-in.

Whoever has the mail may use it, for as long as the mail is kept, so it never ends; all that it can do is to switch this
one kind off and on again.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import Payee
from payouts.errors import Refused
from payouts.notices import switches

_SALT: Final = "payouts notice switch"


def url(payee: Payee, kind: str) -> str:
    """This will make the address for a kind of notice that can be switched off."""
    token = signing.dumps([str(payee.pk), switches.checked(kind)], salt=_SALT)
    return f"{settings.PUBLIC_URL}{reverse('notice_switch', args=[token])}"


def read(token: str) -> tuple[Payee, str]:
    """This will give the payee and the kind that a link is about.

    :raises Refused: when it is broken, or what it is about is not there any more.
    """
    try:
        pk, kind = signing.loads(token, salt=_SALT)
        return Payee.objects.select_related("marketplace").get(pk=pk), switches.checked(kind)
    except (signing.BadSignature, switches.NotSwitchable, ValueError, Payee.DoesNotExist):
        raise Refused("This link is broken: copy it from the mail as a whole.") from None
