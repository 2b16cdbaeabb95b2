"""Which edits a round makes: trials, options, the solved plan, its invoice."""
