"""The profile of a question set: figures, page, console."""
