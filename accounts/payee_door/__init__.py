"""The way into the payees' own pages: by a token that the marketplace posts, or by a code that is mailed.

Pages and API have sessions of their own; see docs/payee-pages.md for what keeps strangers, and other people's payees,
out.
"""
