"""How many rewrites become exact programs."""
