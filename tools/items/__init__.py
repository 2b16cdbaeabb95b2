"""Looks at question items: keys, flaws, kinds, near-duplicates, contamination.

Says what is the case; what is done about it is decided elsewhere.
"""
