"""Benchmarks and experiments; nothing imports them."""
