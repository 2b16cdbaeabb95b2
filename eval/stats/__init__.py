"""Intervals and the printing of figures."""
