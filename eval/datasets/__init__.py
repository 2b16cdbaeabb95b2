"""Labelled sets as the benchmarks read them."""
