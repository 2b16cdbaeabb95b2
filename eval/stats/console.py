"""Where tables of benchmarks are printed."""

from rich.console import Console

PLAIN_WIDTH = 220


def plain_or_rich() -> Console:
    """Return a console on stdout: as wide as the terminal, or wide and uncoloured without one."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH, color_system=None)
