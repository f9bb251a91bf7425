"""The proof that nothing is paid twice, lost or stuck, whatever dies: crash points, the sweep, and the oracle.

`python -m tests.chaos --sweep` (or `./run chaos --sweep`) dies at every crash point in every way.
"""
