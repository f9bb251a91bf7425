"""What payout services say to payees, in the payee's language.

A provider knows nothing of Django, so it speaks English. Its sentences stand here as well, with what it fills in in
braces, for translators to find; one that does not is shown as it is. A test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from django.utils.translation import gettext, gettext_noop

SENTENCES: Final[Sequence[str]] = (
    gettext_noop("PayPal lets nobody in your country receive payouts."),
    gettext_noop("PayPal does not pay out in {currencies}."),
    gettext_noop(
        "The marketplace pays PayPal's fee. PayPal takes one of its own where it converts what you receive into another"
        " currency."
    ),
    gettext_noop("You are owed nothing in this currency now."),
    gettext_noop("PayPal credits it as soon as it has processed it, and promises no time."),
    gettext_noop("E-mail address of your PayPal account"),
    gettext_noop("We send a link to this address; follow it to confirm that it is yours."),
    gettext_noop("Give the e-mail address of the PayPal account."),
    gettext_noop("PayPal payouts to a phone number are not offered: give an address."),
    gettext_noop("Only an e-mail address or a PayPal ID is needed."),
    gettext_noop("Give the e-mail address of the PayPal account, or its PayPal ID."),
    gettext_noop("PayPal takes addresses with plain letters only."),
    gettext_noop("PayPal takes addresses of up to {most} characters."),
    gettext_noop("This is not an e-mail address."),
    gettext_noop("A PayPal ID has 13 letters and digits."),
    gettext_noop("Wise does not pay to your country."),
    gettext_noop("Wise does not pay out in {currencies}."),
    gettext_noop("The marketplace pays Wise's fee."),
    gettext_noop("Wise gives no time for this."),
    gettext_noop("Currency of the account"),
    gettext_noop("Kind of account"),
    gettext_noop("Choose a currency that Wise pays out in."),
    gettext_noop("Two fields of the form contradict each other."),
    gettext_noop("Wise does not take this bank account."),
    gettext_noop("The bank does not know this account: check its number."),
    gettext_noop("The bank knows this account under another name: write the name as the bank has it."),
    gettext_noop("Wise pays to a recipient that it knows: give its id."),
    gettext_noop("Give the id of the recipient at Wise, a number."),
    gettext_noop("This is no hash of a recipient."),
    gettext_noop("This tells neither currency nor number."),
    gettext_noop("Stripe pays nobody in your country from here."),
    gettext_noop("Your account at Stripe is in {country}: it can be paid only where that is your country."),
    gettext_noop("Stripe does not pay out in {currencies}."),
    gettext_noop(
        "The marketplace pays Stripe's fee. Stripe takes one of its own where it converts what you receive into the"
        " currency of your bank account."
    ),
    gettext_noop(
        "It is in your balance at Stripe at once; from there Stripe pays it to your bank as your account says, as a"
        " rule within a few days."
    ),
    gettext_noop("Stripe asks you itself: give nothing here."),
    gettext_noop("Only the id of the account at Stripe is needed."),
    gettext_noop("This is not the id of an account at Stripe."),
    gettext_noop("Log in first: an account at Stripe belongs to somebody whom we know."),
    gettext_noop("Stripe wants more before it lets you be paid."),
    gettext_noop("Stripe compares you with lists of persons whom nobody may pay; that can take some days."),
    gettext_noop("The marketplace has paused your account at Stripe."),
    gettext_noop("Something that Stripe asked for is overdue."),
    gettext_noop("Stripe is checking what you gave."),
    gettext_noop("Stripe is looking into your account."),
    gettext_noop("Stripe has switched your account off and does not say why: write to Stripe's support."),
    gettext_noop("You have no account at Stripe yet."),
    gettext_noop("Fill in Stripe's form: who you are, and where you want to be paid."),
    gettext_noop("Stripe wants to know more before you can be paid."),
    gettext_noop("Stripe is checking what you gave. There is nothing for you to do."),
    gettext_noop("Stripe has verified you: you can be paid."),
    gettext_noop("Stripe does not let you be paid at the moment."),
    gettext_noop("Stripe does not work with this account: write to Stripe's support."),
    gettext_noop("Your account at Stripe is not connected with the marketplace any more."),
    gettext_noop("A bank takes {most} characters, and this has {count}: shorten it as your bank does."),
    gettext_noop("Account holder"),
    gettext_noop("Accounts of this country cannot be paid."),
    gettext_noop("Address of your Solana wallet"),
    gettext_noop("As a rule one to three business days after it was sent; banks promise no time."),
    gettext_noop("BIC (SWIFT code)"),
    gettext_noop("Bank transfers are sent in {currency} only."),
    gettext_noop("Choose the country in which the account is held."),
    gettext_noop("Country of the account"),
    gettext_noop("For an account in {country} only {names} are needed."),
    gettext_noop("Give the IBAN."),
    gettext_noop("Give the address of your Solana wallet."),
    gettext_noop("Give the bank's BIC (SWIFT code): 8 or 11 characters."),
    gettext_noop("Give {name}."),
    gettext_noop("It is on your statements, beside the account."),
    gettext_noop(
        "Nobody holds the key of this address: it is a token account or a program's. Give the address of the wallet"
        " itself."
    ),
    gettext_noop("Not needed as a rule."),
    gettext_noop("On Solana we do not pay {currencies}."),
    gettext_noop("Only the address of your wallet is needed."),
    gettext_noop("Payoneer asks for your details itself: nothing else is needed."),
    gettext_noop("Payoneer can pay you."),
    gettext_noop("Payoneer does not pay out in {currencies} here."),
    gettext_noop("Payoneer does not take you. Ask Payoneer why, or choose another way to be paid."),
    gettext_noop("Payoneer gave a link that does not lead to Payoneer."),
    gettext_noop("Payoneer is not done with your registration. It may ask you for more by e-mail."),
    gettext_noop("Payoneer promises no time: hours to a card or balance, days to a bank."),
    gettext_noop("Payoneer says so on its own pages, once you have registered."),
    gettext_noop("Register with Payoneer first, by the link on this page."),
    gettext_noop("Register with Payoneer, or log in there, and say where you want your money."),
    gettext_noop("The account holder's, which banks ask for abroad."),
    gettext_noop("The marketplace pays the fees of the network."),
    gettext_noop("The name as your bank has it. Marks on letters may be given; banks leave them out."),
    gettext_noop("This BIC is of a bank in {there}, not in {here}."),
    gettext_noop("This IBAN is of {country}: choose that country, or give another IBAN."),
    gettext_noop("This is no Solana address: it has 32 to 44 letters and digits, without 0, O, I and l."),
    gettext_noop("This is no account number of {country}. One looks like this: {example}"),
    gettext_noop("This is our own wallet."),
    gettext_noop("This is the address of a program, not of a wallet."),
    gettext_noop("This is {what}. Give the address of a Solana wallet."),
    gettext_noop("Where the account is held, whatever your own country is."),
    gettext_noop("Your bank, or one on the way, may take a fee of its own."),
    gettext_noop("Your own wallet's address on Solana. What is sent to a wrong address is lost."),
    gettext_noop("{sentence} Payoneer says: {reason}"),
    gettext_noop("{names} characters in {country}."),
    # What every service's form says of what was filled in.
    gettext_noop("There is no such field; there is: {names}."),
    gettext_noop("This is needed."),
    gettext_noop("Give at most {most} characters."),
    gettext_noop("Choose one of those that are offered."),
    gettext_noop("This cannot be right."),
    gettext_noop("This cannot be right. It looks like this: {example}"),
)

_GAP: Final = re.compile(r"\{(\w+)\}")


def said(sentence: str) -> str:
    """This will give a sentence of a service in the language that is active."""
    for template, pattern in _patterns():
        if found := pattern.fullmatch(sentence):
            return gettext(template).format(**found.groupdict())
    return sentence


@lru_cache(maxsize=1)
def _patterns() -> Sequence[tuple[str, re.Pattern[str]]]:
    return [(template, _pattern(template)) for template in SENTENCES]


def _pattern(template: str) -> re.Pattern[str]:
    parts = _GAP.split(template)  # text, name, text, name, …, text
    written = [f"(?P<{part}>.+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)]
    return re.compile("".join(written))
