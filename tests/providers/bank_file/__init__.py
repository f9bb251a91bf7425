"""The bank file: what it writes, what it reads, and the contract, at a desk in memory and a bank on loopback."""
