# What burnish uses of the package of the same name (the extra `wasm`), which CI does not install.
import threading
from collections.abc import Iterable, Mapping

class Completed:
    stdout: bytes
    stderr: bytes
    trapped: str | None
    truncated: tuple[str, ...]

def run(
    argv: Iterable[str],
    *,
    env: Mapping[str, str] | None = ...,
    stdin: bytes | None = ...,
    deadline_s: float | None = ...,
    memory_bytes: int | None = ...,
    output_bytes: int | None = ...,
    cancel: threading.Event | None = ...,
) -> Completed: ...
