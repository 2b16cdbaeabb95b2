"""Bytes and types: streams, atomic writers, JSON of Arrow values, SQLite.

Knows no record and no run.
"""
