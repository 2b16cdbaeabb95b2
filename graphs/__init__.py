"""State machines, runs, reports and the command line."""
