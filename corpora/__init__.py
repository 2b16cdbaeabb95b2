"""Nouns and their files: what burnish reads and writes. Imports nothing of ours but itself."""
