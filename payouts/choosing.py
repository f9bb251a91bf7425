"""Where a payee wants to be paid, as the payee says it: what is offered, what it takes, choosing, retiring.

The API and the payee's own pages call these functions and nothing below them; no HTTP here. Who may call is the
caller's business: whatever changes something needs a fresh log-in (`accounts.api.permissions.WHERE_MONEY_GOES`).

    offered(payee, country=…, now=…)                         → Offers: a line for every provider, with terms or why not
    form(payee, provider=…, values=…, country=…, now=…)      → offering.Form, or offering.Hosted with its state
    open_link(payee, provider=…, country=…, return_url=…)    → offering.Link, where the form is hosted
    kept(payee, now=…)                                       → the methods, the default first, as `Kept`
    choose(payee, provider=…, values=…, country=…, by=…)     → Chosen: the default from now on
    make_default(payee, method_id=…, by=…, now=…)            → Chosen: a method of before, as a new version of it
    retire(payee, method_id=…, by=…, now=…)                  → what happens now, in sentences
    ask_to_confirm(payee, method_id=…, now=…)                → the link to a method's own address, mailed once more

All of them raise `ChoiceRefused` alone: its `problems` have a code for programs, a sentence for the payee, and a field.
None may be called inside a transaction: providers may be asked.
"""
