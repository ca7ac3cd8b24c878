"""Backups of a node: one file with everything it cannot do without, and the way back from it."""
