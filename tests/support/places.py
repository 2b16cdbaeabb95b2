"""Where the project and the labelled sets lie, for tests that read them."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("BURNISH_DATA") or ROOT.parent / "shared" / "data")
"""Folder of the labelled sets; a test that needs it is skipped where it is absent."""
