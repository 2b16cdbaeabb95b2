"""What a user can ask for, as functions: what Python and the command line both call.

Typed arguments in, typed frozen results out. Nothing here prints, asks at a terminal or ends the
process; progress goes to a callback, and what cannot be carried out is a `BurnishError`.
"""
