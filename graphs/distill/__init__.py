"""The run that turns texts and rewrites into training pairs."""
