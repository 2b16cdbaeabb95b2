"""A set of questions brought to a target over strata: divergence, moves, rebalancing.

Plans what to remove and draw; it edits nothing itself.
"""
