"""What holds for every test: no network but loopback, no settings from outside, fixed draws."""

import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings

from tests.support.places import DATA

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# A shell that starts the tests in the background makes them, and every process they start, deaf to
# Ctrl-C; some tests are about just that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _shared_by(nodeid: str) -> str:
    """Name what a test shares with others; those of one name go to one process."""
    place = nodeid.partition("::")[0]
    if place.startswith("tests/e2e/"):
        return "the server of vLLM"
    if place in {"tests/docs/test_browser.py", "tests/docs/test_made.py"}:
        return "the site"
    # A module of tests/graphs makes runs for all its tests.
    return place if place.startswith("tests/graphs/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep together, where processes share the tests, those that share what is dear."""
    from xdist.scheduler import LoadScopeScheduling

    class ByWhatIsShared(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _shared_by(nodeid)

    return ByWhatIsShared(config, log)  # pyright: ignore[reportArgumentType]


class NetworkBlockedError(RuntimeError):
    """A test tried to leave the machine."""


_LOCAL = ("127.", "localhost", "::1", "0.0.0.0", "::ffff:127.")  # noqa: S104
_ITSELF = (None, "", b"", socket.gethostname())


def _refuse_far(host: object) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in _ITSELF or (isinstance(name, str) and name.startswith(_LOCAL)):
        return
    raise NetworkBlockedError(f"tests run without a network, but one asked for {name!r}")


def _refuse_far_address(address: object) -> None:
    # Addresses of local (Unix) sockets are paths, not pairs.
    if isinstance(address, tuple) and address:
        _refuse_far(cast("tuple[object, ...]", address)[0])


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Generator[None]:
    """Raise on any connection or look-up beyond loopback."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    look_up = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: object) -> None:
        _refuse_far_address(address)
        connect(self, address)  # pyright: ignore[reportArgumentType]

    def guarded_connect_ex(self: socket.socket, address: object) -> int:
        _refuse_far_address(address)
        return connect_ex(self, address)  # pyright: ignore[reportArgumentType]

    def guarded_look_up(host: object, *args: object, **options: object) -> object:
        _refuse_far(host)
        return look_up(host, *args, **options)  # pyright: ignore[reportArgumentType]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Generator[None]:
    """Take away settings that would reach a test from the shell it was started in."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("BURNISH_", "OPENAI_")) and name != "BURNISH_DATA":
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the labelled sets; the test is skipped where there is none."""
    if not DATA.is_dir():
        pytest.skip(f"needs the labelled sets, and {DATA} is not there (set BURNISH_DATA)")
    return DATA
