"""The rules of the ledger: pure functions over bytes, with no file, socket, clock, randomness, logging or async."""
