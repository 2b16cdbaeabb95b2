"""Who checks an item's answer: reasoner, librarian, panel, vote.

A new validator belongs here. It gives a verdict; it edits nothing.
"""
