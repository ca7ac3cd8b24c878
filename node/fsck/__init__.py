"""Checking everything a node keeps, naming the exact damaged place, and mending it with proven bytes alone."""
