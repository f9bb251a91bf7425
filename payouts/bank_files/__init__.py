"""What people do with bank files, and the desk on which they lie.

desk.DatabaseDesk          what the provider speaks to
handing_out.download(…)    one person takes a file's bytes
handing_out.confirm(…)     another says that the bank has it
withdrawing.…              two people say that it never went there, or that a payment of it was not carried out
importing.…                a statement: uploaded by one, seconded by another
"""
