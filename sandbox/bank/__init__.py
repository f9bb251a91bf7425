"""A bank with one business account: takes payment files, books them, and makes statements.

`POST /files` takes a pain.001.001.09 or a CSV, each file id once, and books it at once; `GET /files/<id>` says what
became of it; `GET /statements/camt053?from=2026-11-27&to=2026-11-30` and `/statements/csv` make statements. A payment
that is not carried out stands on no statement, as at banks that check before they book.

Steering of its own: `POST /_sandbox/return {"reference", "units"}` brings a part back, `POST /_sandbox/fee {"units"}`
charges the account, `POST /_sandbox/debit {"units", "account"}` pays what nobody asked for. Its faults are for what a
bank does: the same file taken twice, late bookings, other amounts or accounts, end-to-end ids that got lost.
"""

from sandbox.bank.service import Bank

SERVICE = Bank
