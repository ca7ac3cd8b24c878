"""Lengths of time. Moments are Unix milliseconds everywhere, so a UTC day begins at each multiple of `DAY_MS`."""

DAY_MS = 86_400_000
