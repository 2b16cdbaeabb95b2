"""Supervised fine-tuning of a served refiner: conversations, tokens, learner, model card."""
