"""Refine the data that language models learn from: delete noise, never write a word."""
