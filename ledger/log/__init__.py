"""Append-only logs: keys, Merkle trees, notes, checkpoints, bodies, statements and the rules that bind them."""
