"""What the end-to-end tests share: where vLLM lies, the commands, the toy that is trained."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT

Json = dict[str, Any]
GIVEN = os.environ.get("BURNISH_VLLM_PYTHON")
PYTHON = Path(GIVEN or ROOT / ".venv-vllm/bin/python")
READY = PYTHON if GIVEN else ROOT / ".venv-vllm/ready.stamp"
"""Stands only where all of vLLM is installed."""
BURNISH = [sys.executable, "-c", "from burnish.graphs.cli.main import main; main()"]
NAME = "toy-refiner"
WINDOW = 800
TOKENS = 400
PATIENCE_S = 2700
"""Longest time that one command may take."""
RECIPE = {
    "recipe.epochs": "8",
    # Steps end the training, so that load makes it slower and not worse; minutes only bound it.
    "recipe.max_minutes": os.environ.get("BURNISH_E2E_MINUTES") or "40",
    "recipe.max_length": "4096",
    "recipe.batch": "4",
    "recipe.learning_rate": "3e-3",
    "shape.vocabulary": "2048",
    "shape.width": "128",
    "shape.layers": "2",
    "shape.heads": "2",
    "shape.kv_heads": "1",
    "shape.feed_forward": "384",
}

MARKS = [
    pytest.mark.vllm,
    # The first test waits for the training and for the server too.
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not READY.is_file(), reason="there is no vLLM; `make vllm-cpu` builds one"),
    pytest.mark.skipif(find_spec("transformers") is None, reason="needs burnish[sft]"),
]


def rows(text: str) -> list[Json]:
    return [json.loads(line) for line in text.split("\n") if line]


def burnish(*words: str | Path) -> str:
    done = subprocess.run(
        [*BURNISH, *words], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
