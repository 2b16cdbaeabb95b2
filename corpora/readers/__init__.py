"""Files of any known format as rows with checks, samples and schema.

A new file format belongs here. Nothing here knows what a row means to a run.
"""
