"""Question sets: which column means what, items, answer records.

Reads and understands rows; it judges, plans and edits nothing.
"""
