"""Trains the line tagger and writes its weights and model card. Needs PyTorch."""
