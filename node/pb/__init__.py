"""Generated from proto/cairn/v1 by proto/generate.py; never edited by hand."""
