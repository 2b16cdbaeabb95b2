"""What a set of questions holds: cells, difficulty, abilities, labels."""
