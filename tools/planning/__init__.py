"""Which edits to which items under a budget: problem, integer program, bounds, quotas, invoice.

The only room that knows CVXPY.
"""
