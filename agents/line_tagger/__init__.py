"""The embedded tagger: features, integer network, decision, shipped weights.

NumPy only; training lives in `line_training`.
"""
