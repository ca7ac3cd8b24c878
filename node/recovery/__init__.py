"""Bringing a node back from what is left: its keys, and what its peers hold of its log."""
