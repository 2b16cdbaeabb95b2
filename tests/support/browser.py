"""A real browser without a network, for pages that must neither run nor fetch anything."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.support.waiting import PATIENCE_S

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


def browse(address: str, work: Path) -> tuple[str, str]:
    """Open a page; return its elements as the browser sees them, and its log of the network."""
    log = work / "net.json"
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={work / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=2000", f"--log-net-log={log}", "--dump-dom", address,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S)
    return done.stdout.decode(), log.read_text("utf-8")


def addresses(log: str) -> list[str]:
    """Return what a log says was asked for, the browser's own errands included."""
    try:
        events = json.loads(log)["events"]
    except json.JSONDecodeError:
        # The log ends without its closing brackets where the browser is stopped.
        events = json.loads(log.rstrip().rstrip(",") + "]}")["events"]
    return [event.get("params", {}).get("url", "") for event in events]
