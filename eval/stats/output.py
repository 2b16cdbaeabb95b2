"""How benchmarks tell their figures: as JSON on the terminal, and in a file where one is asked."""

from collections.abc import Mapping
from pathlib import Path

import orjson


def tell(figures: Mapping[str, object], path: Path | None) -> None:
    """Print figures as JSON, and write the same to a file if there is one."""
    shown = orjson.dumps(figures, option=orjson.OPT_INDENT_2)
    print(shown.decode())
    if path is not None:
        path.write_bytes(shown + b"\n")
