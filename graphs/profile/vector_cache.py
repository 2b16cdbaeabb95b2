"""Keeps vectors of texts between runs: one file for each embedder, keyed by the texts' digests."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from burnish.corpora.storage.writers import write_atomic
from burnish.tools.arrays import Vectors
from burnish.tools.retrieval.embedder import DEFAULT, Embedder, digest_of, find_model, load_embedder

_KEY: Final = 16
_AT_ONCE: Final = 2_048


def default_folder() -> Path:
    """Return the user's cache folder for vectors."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "burnish" / "vectors"


class VectorCache:
    """Vectors of one embedder, as half floats: their rounding moves a cosine by 1e-3 at most."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.path: Final = folder / f"{digest[:32]}.npz"
        self._keys: NDArray[np.void] = np.zeros(0, f"V{_KEY}")
        self._rows: NDArray[np.float16] = np.zeros((0, 0), np.float16)
        try:
            with np.load(self.path) as held:
                keys, rows = held["keys"], held["vectors"]
                if rows.ndim == 2 and keys.dtype == self._keys.dtype and len(keys) == len(rows):
                    self._keys, self._rows = keys, rows
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            pass  # a cache that cannot be read is made anew

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Return the texts whose vectors are not held, each once."""
        held = set(self._keys.tolist())
        return list({key: text for text in texts if (key := _key(text)) not in held}.values())

    def of(
        self,
        texts: Sequence[str],
        embedder: Callable[[], Embedder],
        progress: Callable[[int], None] | None = None,
    ) -> Vectors:
        """Return a unit row for each text; what is missing is made and kept.

        Args:
            texts: in any order, repeats allowed.
            embedder: loads the embedder; called only where something is missing.
            progress: told how many more texts were embedded, time and again.
        """
        lacking = self.missing(texts)
        if lacking:
            self._add(lacking, embedder(), progress)
        if not len(texts):
            return np.zeros((0, self._rows.shape[1]), np.float32)
        place = {key: at for at, key in enumerate(self._keys.tolist())}
        found = self._rows[[place[_key(text)] for text in texts]].astype(np.float32)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)

    def _add(
        self, texts: Sequence[str], embedder: Embedder, progress: Callable[[int], None] | None
    ) -> None:
        ordered = sorted(texts, key=len)
        for start in range(0, len(ordered), _AT_ONCE):
            part = ordered[start : start + _AT_ONCE]
            keys = np.array([_key(text) for text in part], f"V{_KEY}")
            self._keys = np.concatenate([self._keys, keys])
            new = embedder.embed(part).astype(np.float16)
            self._rows = np.vstack([self._rows, new]) if len(self._rows) else new
            # Saved as it grows: an interrupted first run loses one part.
            self._save()
            if progress is not None:
                progress(len(part))

    def _save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, lambda file: np.savez(file, keys=self._keys, vectors=self._rows))


@dataclass(frozen=True, slots=True)
class Vectoring:
    """Where vectors come from."""

    cache: VectorCache
    embedder: Callable[[], Embedder]
    progress: Callable[[int], None] | None = None

    def of(self, texts: Sequence[str]) -> Vectors:
        """Return a unit row for each text, from the cache as far as it holds them."""
        return self.cache.of(texts, self.embedder, self.progress)


def vectoring_of(
    name: str | None, folder: Path | None = None, progress: Callable[[int], None] | None = None
) -> Vectoring:
    """Return vectors of an embedder by its name, or of the default one.

    Raises:
        UsageError: there is no such model.
    """
    chosen = name or DEFAULT
    # The digest needs the model's files only; the libraries are loaded if a vector is missing.
    digest = digest_of(find_model(chosen).folder)
    cache = VectorCache(folder or default_folder(), digest)
    return Vectoring(cache, lambda: load_embedder(chosen), progress)


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()
