"""Bytes of files, compressed or not, as blocks and as lines; damage is told where it begins.

Decompression is done here, not by `gzip.open`, because the digest of an input is taken over the
bytes on disk in the same pass, and because what stands before a damage must not be lost.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

BLOCK = 1 << 20
KEPT = 1 << 20
"""Bytes of a bad line that are kept."""
LONGEST = 256 << 20
"""Bytes of the longest line that is read; a longer one becomes a bad row."""
_BOM = b"\xef\xbb\xbf"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Tap:
    """Takes the digest of all bytes that flow by, and reports them."""

    def __init__(self, progress: Callable[[int], None] | None = None) -> None:
        self._sha = hashlib.sha256()
        self._progress = progress

    def feed(self, data: bytes) -> None:
        """Note the next bytes; tell the progress callback how many they are."""
        self._sha.update(data)
        if self._progress is not None:
            self._progress(len(data))

    def digest(self) -> bytes:
        """Return the SHA-256 of what was fed."""
        return self._sha.digest()

    def drink(self, path: Path) -> None:
        """Feed a whole file, for readers that jump about in it."""
        for data in _stored(path, self, BLOCK):
            del data


class BreakError(Exception):
    """A stream ends before its time; never leaves `corpora`, where it becomes a bad row."""

    def __init__(self, reason: str, rest: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.rest = rest


class Overlong(bytes):
    """The first megabyte of a line that is too long to be read."""


def lines(path: Path, tap: Tap | None) -> Iterator[bytes]:
    r"""Yield the lines of a file without their "\n" and without a byte order mark at the start.

    Raises:
        BreakError: the file is damaged or cannot be read further; its `rest` is the line begun.
    """
    parts: list[bytes] = []
    size = 0
    first = True
    try:
        for block in blocks(path, tap):
            head, newline, tail = block.rpartition(b"\n")
            if not newline:
                size += len(block)
                parts.append(block) if size <= LONGEST else None
                continue
            whole = _joined(parts, size, head)
            if first:
                whole[0] = whole[0].removeprefix(_BOM)
                first = False
            yield from whole
            parts, size = [tail], len(tail)
    except BreakError as error:
        error.rest = b"".join(parts)[:KEPT]
        raise
    if size:
        last = _joined(parts, size, b"")
        yield last[0].removeprefix(_BOM) if first else last[0]


def _joined(parts: list[bytes], size: int, head: bytes) -> list[bytes]:
    """Split what was kept of a line begun, with what follows, into lines."""
    if size + len(head) > LONGEST:
        ending, newline, others = head.partition(b"\n")
        if size + len(ending) > LONGEST:
            start: bytes = Overlong(b"".join(parts)[:KEPT])
            return [start, *(others.split(b"\n") if newline else ())]
    return b"".join([*parts, head]).split(b"\n")


def blocks(path: Path, tap: Tap | None) -> Iterator[bytes]:
    """Yield the content of a file in blocks, decompressed as its suffix says.

    Raises:
        BreakError: the file is damaged or cannot be read further.
    """
    match path.suffix.lower():
        case ".gz":
            return _gunzipped(_stored(path, tap, 1 << 16))
        case ".zst":
            # No bound on the output of one call exists here, so the input is given in small bites.
            return _unzstd(_stored(path, tap, 1 << 14))
        case _:
            return _stored(path, tap, BLOCK)


def _stored(path: Path, tap: Tap | None, size: int) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            while data := file.read(size):
                if tap is not None:
                    tap.feed(data)
                yield data
    except OSError as error:
        raise BreakError(f"the file cannot be read further ({error.strerror})") from error


def _gunzipped(stored: Iterator[bytes]) -> Iterator[bytes]:
    decoder = None
    for data in stored:
        while data:
            if decoder is None or decoder.eof:
                # Zeros after the last member are padding.
                data = data.lstrip(b"\0") if decoder is not None else data
                if not data:
                    break
                decoder = zlib.decompressobj(wbits=31)
            try:
                content = decoder.decompress(data, BLOCK)
            except zlib.error as error:
                raise BreakError("the gzip data are damaged from here on") from error
            if content:
                yield content
            data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    if decoder is not None and not decoder.eof:
        if content := decoder.flush():
            yield content
        raise BreakError("the gzip data are truncated here")


def _unzstd(stored: Iterator[bytes]) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    decoder = None
    for data in stored:
        while data:
            if decoder is None or decoder.eof:
                decoder = reader.decompressobj()
            try:
                content = decoder.decompress(data)
            except zstandard.ZstdError as error:
                raise BreakError("the zstd data are damaged from here on") from error
            if content:
                yield content
            data = decoder.unused_data if decoder.eof else b""
    if decoder is not None and not decoder.eof:
        raise BreakError("the zstd data are truncated here")
