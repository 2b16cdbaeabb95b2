"""How well wrong keys are found."""
