"""Two providers for tests, which pay as the two-step service does and are chosen in the two other ways there are.

`Bank` has a form whose fields depend on what was filled in, and quotes in another currency; `Wallet` asks payees on
its own pages. That the product needs no change for them is what they are for.
"""

from __future__ import annotations

from typing import Final

PROVIDERS: Final = "tests.providers.offers.bank.Bank, tests.providers.offers.wallet.Wallet"
"""What EXTRA_PROVIDERS has to name."""
