"""One batch of edit orders carried out by agents and checked by validators."""
