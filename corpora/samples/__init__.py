"""Sample corpora that ship with the package, for demos and tests."""
