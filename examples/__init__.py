"""Invented sample data, what follows from it, and the demonstration that uses it."""
