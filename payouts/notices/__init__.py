"""Notices: what payees are told by e-mail.

`kinds` is the table of them. `staging` says, inside the transaction of whatever happened, that there is something to
tell; `telling` is the outbox's handler, which finds out what to say (`loading`), to whom (`recipients`), whether they
want it (`switches`), writes it (`wording`) and sends it (`post`). `reminding` and `earning` come round by themselves.
"""
