"""Examining a node from outside: what `cairn-node doctor` looks at, whether the node runs or not."""
