"""Intervals, and what the commands of all benchmarks do alike: options, errors, JSON, tables."""
