"""The middle of a run over documents: record graphs, shards, escalation to a model.

Knows nothing of questions.
"""
