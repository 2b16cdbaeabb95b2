"""How vLLM is called: options of burnish into a command line and an environment, nothing else.

The defaults are those with which vLLM 0.32 holds JSON schemas and forced tool calls even on small
models (30 of 30 checks on random weights): arguments by JSON schema instead of structural tags,
the xgrammar backend, no free white space.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STRUCTURED: Final = {"backend": "xgrammar", "disable_any_whitespace": True}


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What to serve and where."""

    model: str
    """Folder of a model, or its name at the hub."""
    program: tuple[str, ...] = ("vllm", "serve")
    """What starts the server; the model and the flags follow it."""
    name: str | None = None
    """Name clients ask for; None: the last part of `model`."""
    host: str = "127.0.0.1"
    port: int = 8000
    tensor_parallel: int = 1
    data_parallel: int = 1
    max_model_len: int | None = None
    """Longest prompt and answer together, in tokens; None: what the model says."""
    gpu_memory: float | None = None
    """Share of a GPU's memory to use, 0 to 1; None: vLLM's own default."""
    cpu: bool = False
    """Whether the server runs on a CPU: eager, with a fixed key-value cache."""
    kv_cache_gib: int = 1
    """On a CPU: GiB for the key-value cache, whole numbers only."""
    tool_parser: str = "hermes"
    """vLLM's parser of calls that a model writes unforced."""
    native_tools: bool = False
    """Force calls in the model's own notation (structural tags) instead of by JSON schema."""
    extra: tuple[str, ...] = ()
    """Further flags for vLLM, later than burnish's own, so that they win."""

    @property
    def served_name(self) -> str:
        """Name under which clients ask for the model."""
        return self.name or Path(self.model).name or self.model

    @property
    def url(self) -> str:
        """Base URL for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{host}:{self.port}/v1"


def command_of(options: ServeOptions) -> list[str]:
    """Return the command line that starts the server."""
    flags: dict[str, object | None] = {
        "--served-model-name": options.served_name,
        "--host": options.host,
        "--port": options.port,
        "--tensor-parallel-size": _unless_one(options.tensor_parallel),
        "--data-parallel-size": _unless_one(options.data_parallel),
        "--max-model-len": options.max_model_len,
        "--gpu-memory-utilization": None if options.cpu else options.gpu_memory,
        "--tool-call-parser": options.tool_parser,
        "--tool-strict-level": "parameter" if options.native_tools else None,
        "--structured-outputs-config": json.dumps(STRUCTURED, separators=(",", ":")),
    }
    named = [word for flag, value in flags.items() if value is not None for word in (flag, value)]
    switches = ["--enable-auto-tool-choice", *(["--enforce-eager"] if options.cpu else [])]
    # `python -m vllm.entrypoints.openai.api_server` knows the model by flag only.
    model = ["--model", options.model] if "-m" in options.program else [options.model]
    return [*options.program, *model, *map(str, named), *switches, *options.extra]


def _unless_one(number: int) -> int | None:
    return None if number == 1 else number


def environment_of(
    options: ServeOptions, inherited: Mapping[str, str], *, key: str | None = None
) -> dict[str, str]:
    """Return the environment of the server; what the user has set already stays.

    Args:
        options: what is served.
        inherited: the environment burnish was started with.
        key: API key the server asks clients for; None: it takes any.
    """
    ours = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    # 1 (vLLM's default) leaves the arguments of tools that are not strict unconstrained.
    ours["VLLM_ENFORCE_STRICT_TOOL_CALLING"] = "1" if options.native_tools else "0"
    if Path(options.model).is_dir():
        ours |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if options.cpu:
        ours["VLLM_CPU_KVCACHE_SPACE"] = str(options.kv_cache_gib)
        ours["VLLM_CPU_OMP_THREADS_BIND"] = "auto"
    if key:
        ours["VLLM_API_KEY"] = key
    # burnish keeps its own processes to one thread each; the server decides for itself.
    kept = {
        name: value
        for name, value in inherited.items()
        if name not in {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
    }
    return ours | kept
