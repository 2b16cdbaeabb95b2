"""Answers compared: numbers, units, symbols, choices.

Pure. The one place that says whether two answers are the same; what runs SymPy is the sandbox.
"""
