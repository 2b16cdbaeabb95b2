"""What a run over questions remembers: set, journal, target, working set."""
