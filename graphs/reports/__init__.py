"""Pages, cards and terminal tables about finished runs.

A new report belongs here. It reads counts and samples; it computes no outcome.
"""
