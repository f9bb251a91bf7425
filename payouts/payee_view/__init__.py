"""A payee's own view of their money: what was paid, what was not, why, and papers about both. It knows no HTTP.

The API and the payee's pages stand on these functions alone (`from payouts import payee_view`). Every one takes the
payee, and nothing of another payee can be reached by it. Sentences are in the language, and days in the time zone, that
are active while a function runs (`accounts.languages.speaking_to`). What they give is in `shapes`.

    list_payouts(*, payee_id, filters=EVERYTHING, cursor="", limit=20) -> Page         raises BadCursor
    show(*, payee_id, payout_id, now) -> Shown                                          raises NoSuchPayout
    why(*, payee_id, payout_id, now) -> list[Obstacle]                                  raises NoSuchPayout
    waiting(*, payee_id, now) -> list[Waiting]                  what is owed and in no payout yet, by currency
    next_payouts(*, payee_id, now) -> list[Next]                by currency
    remittance(*, payee_id, payout_id) -> Advice                                        raises NoSuchPayout
    advice_csv(advice) -> bytes, advice_pdf(advice) -> bytes
    statement(*, payee_id, year, now) -> Statement              raises Refused for a year that has not begun
    statement_csv(statement) -> bytes, statement_pdf(statement) -> bytes
    ask(*, payee_id, payout_id, kind, text, now) -> Question    raises NoSuchPayout, Refused
    questions(*, payee_id, payout_id) -> list[Question]         raises NoSuchPayout

`kind` is `not_arrived`, `wrong_amount` or `other`; all ids are UUIDs.
"""

from payouts.payee_view.asking import ask, questions
from payouts.payee_view.coming import next_payouts
from payouts.payee_view.csv_papers import advice_csv, statement_csv
from payouts.payee_view.errors import BadCursor, NoSuchPayout
from payouts.payee_view.listing import list_payouts
from payouts.payee_view.pdf_papers import advice_pdf, statement_pdf
from payouts.payee_view.reasons import waiting, why
from payouts.payee_view.remitting import remittance
from payouts.payee_view.showing import show
from payouts.payee_view.stating import statement

__all__ = [
    "BadCursor",
    "NoSuchPayout",
    "advice_csv",
    "advice_pdf",
    "ask",
    "list_payouts",
    "next_payouts",
    "questions",
    "remittance",
    "show",
    "statement",
    "statement_csv",
    "statement_pdf",
    "waiting",
    "why",
]
