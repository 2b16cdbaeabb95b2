"""Refiners against baselines on labelled pages."""
