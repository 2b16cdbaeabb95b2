"""Orders and groups that a name and a seed decide: the same on every machine."""

import hashlib
from urllib.parse import urlsplit


def group_of(value: object, id: str) -> str:
    """Return the source a record belongs to: the host of an address, another value as it is.

    Records without a value are a source of their own.
    """
    text = str(value).strip() if value is not None else ""
    if not text:
        return id
    if "://" not in text:
        return text
    try:
        host = urlsplit(text).hostname
    except ValueError:
        host = None
    return (host or text).removeprefix("www.")


def rank(seed: int, name: str) -> int:
    """Return a name's place in a random order, 0 to 2**63 - 1."""
    digest = hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
