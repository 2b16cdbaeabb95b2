"""Whoever decides: refiners, operations, validators, annotators, and the models they ask."""
