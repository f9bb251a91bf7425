"""The speed proof: `./run bench` measures the product's own stages against bare loops that do the least there is to do.

One module per row or group of rows. "Ours" is always the very stage functions that the workers call, with all gates,
postings and events; a baseline is what a careful engineer would write in an afternoon, or the product itself at another
size. Both work against the same sandbox and the same PostgreSQL, which keeps its promises to the disk, and after each
round it is compared what was done and what should have been: payments with the sandbox's own ledger.
"""
