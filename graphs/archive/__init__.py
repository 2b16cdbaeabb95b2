"""Runs read back: verified, replayed, exported.

Works from what a run wrote, never from the source or a model.
"""
