"""Payouts by a file that staff upload at the bank: a provider without a network.

Nobody can be called, so the other side of every call is a desk of ours (`desk.Desk`), which the core keeps in its
tables. The ten stages stay as they are:

- **The file is the step.** `next_step` writes the pain.001 of a batch; the engine commits its bytes before anything
  else happens, and those bytes are what is downloaded, for ever the same. The CSV is made of them.
- **`transmit` lays the file on the desk**, which gives it a number, and says `Accepted`. It moves nothing by itself, so
  doing it twice is doing it once: the service dedupes, for ever. From then on the payouts are *submitted*: any person
  with the right may download the file and upload it at the bank, so they must not be sent by any other way.
- **One person downloads and uploads, another confirms** that the bank has it. Neither moves a payout: only the bank's
  own statement does.
- **`fetch` reads the statements** that staff imported, two of them for each. A booked debit under our end-to-end id is
  *paid*; what came back is *returned*, cumulative. Amount and account are compared with the file's own bytes.
- **`statement` gives every booked line**, so the comparison of both lists finds what fetch cannot: a file that was
  uploaded twice, a debit that nobody sent. It is complete up to the newest day without a gap before it, less the time
  within which the bank books what it was given.
- **A file that the bank never had is withdrawn** by two people with a reason. That is the authoritative absence: its
  items are *cancelled*, what they covered is owed again, and the bytes are never given out any more. A payment that the
  bank did not carry out is *refused* in the same way, alone.
- **After a restore** the desk may have forgotten a file that was uploaded. It therefore never says on its own that
  something is absent: only statements that reach far enough beyond the last sending do.
"""
