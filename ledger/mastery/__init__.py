"""How mastery is judged: frameworks, rules, evidence and requirement sets, and the one evaluator over them.

A pure function of a data set and its `asOf` date: no file, clock, randomness or binary fraction. Whoever holds the same
files gets the same rows, to the byte.
"""
