"""The served path on a GPU machine."""
