"""Deletion programs from expert rewrites, and the filters that training pairs pass.

Pure. Where rewrites come from and where pairs go is not known here.
"""
