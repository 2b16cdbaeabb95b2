import os

from burnish.tools.sandbox.native import sealing


def test_gathering_pages_leaves_memory_as_it_was() -> None:
    held = [os.urandom(1 << 20) for _ in range(12)]
    whole = bytearray(b"".join(held))
    assert sealing.gather_pages() >= 0
    assert bytes(whole) == b"".join(held)
