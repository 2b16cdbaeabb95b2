"""Wrong options: mined, measured and balanced so that nothing but knowledge finds the key."""
