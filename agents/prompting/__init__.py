"""Prompts and forms: sections, fences around foreign text, schemas, probes of a server."""
