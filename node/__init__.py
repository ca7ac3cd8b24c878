"""The machine that stores, serves and writes a ledger: everything that touches disk, network, clock and randomness."""
