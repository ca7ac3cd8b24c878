"""Measurements: each figure is a ratio to a calibrator measured in the same minute (DESIGN 10)."""
