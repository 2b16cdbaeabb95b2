"""Programs of a model run without network, files, processes or secrets.

A new layer of isolation belongs here; what a result means for an answer does not.
"""
