"""Deterministic verbs. No model is asked here and no graph is known."""
