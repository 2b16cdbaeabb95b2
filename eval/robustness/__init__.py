"""Kills, memory, speed, the client and the sandbox under load."""
