"""The middle of a run over questions: rounds of planning, operating, checking, committing.

Knows nothing of documents.
"""
