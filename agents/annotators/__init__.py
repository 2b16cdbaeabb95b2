"""Models that describe items: how hard they are, what they are about. They change nothing."""
