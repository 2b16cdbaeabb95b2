"""Planner, rebalancing, difficulty, labels and distractors against their baselines."""
