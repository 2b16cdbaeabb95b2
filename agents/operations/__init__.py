"""What may be done to a question item, with a model or without.

A new operation belongs here. Planning decides whether it runs.
"""
