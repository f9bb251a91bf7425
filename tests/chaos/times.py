"""How time goes in a storm: its clock is several times as fast, and patience, leases and delays fit into that.

Whatever the database and the services time is in seconds of theirs; how long a process waits is in real ones.
"""

from __future__ import annotations

from typing import Final

SPEED: Final = 6.0
"""So many seconds more go by, for the database and the services, in each real one."""

PATIENCE_S: Final = 2.0
"""How long one call to a provider or to Sharetribe may take before its client gives up, in real seconds."""
HANG_S: Final = 10.0
"""For how long nothing is answered where somebody hangs, in real seconds: nobody waits for that."""

SEND_LEASE_S: Final = 30
TELL_LEASE_S: Final = 120
"""Longer than the longest telling: five seconds of work and one transaction's four calls, in real seconds."""
TELL_WORK_S: Final = 5.0
TELL_PATIENCE_S: Final = 3.0

LATE_S: Final = 20.0
"""Past the client's patience, as long as the clock does not leap."""
LATER_S: Final = 55.0
"""Past the client's patience and the sender's lease together."""
SETTLE_S: Final = 90.0
"""What the two-step provider declares: nothing that was sent lands later than that."""
