"""What every run shares: settings, lock, workers, progress, the run graph.

Knows no kind of record.
"""
