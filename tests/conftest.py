"""Settings for every test."""

from hypothesis import settings

# A busy machine must not fail a property: what bounds a test in time is pytest-timeout, for the test as a whole.
settings.register_profile("cairn", deadline=None)
settings.load_profile("cairn")
