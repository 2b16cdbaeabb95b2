from dataclasses import replace

import pytest

from burnish.corpora.errors import SandboxUnavailable
from burnish.tools.sandbox.layers import require
from burnish.tools.sandbox.pool import Layer, Sandbox, layers

PRESENT = tuple(replace(layer, available=layer.name != "wasm") for layer in layers())
REQUIRED = tuple(layer.name for layer in PRESENT if layer.required)
OPTIONAL = tuple(layer.name for layer in PRESENT if not layer.required)


def without(name: str) -> tuple[Layer, ...]:
    return tuple(
        replace(layer, available=False, detail="taken away") if layer.name == name else layer
        for layer in PRESENT
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_a_sandbox_without_a_required_layer_refuses_with_the_mend(name: str) -> None:
    found = without(name)
    mend = next(layer.mend for layer in found if layer.name == name)
    with pytest.raises(SandboxUnavailable) as refusal:
        Sandbox(found=found)
    text = str(refusal.value)
    assert name in text
    assert "taken away" in text
    assert mend in text
    assert "burnish[wasm]" in text
    assert "\n" not in text


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_missing_second_layer_is_no_refusal(name: str) -> None:
    require(without(name))


def test_the_filter_is_a_required_layer() -> None:
    assert {"system", "seccomp", "libraries"} <= set(REQUIRED)


def test_every_layer_says_what_was_found_and_what_to_do() -> None:
    assert all(layer.name and layer.detail and layer.mend for layer in layers())


def with_wasm(found: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(
        replace(layer, available=True) if layer.name == "wasm" else layer for layer in found
    )


def test_webassembly_steps_in_aloud(caplog: pytest.LogCaptureFixture) -> None:
    Sandbox(found=with_wasm(without("seccomp"))).close()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "WebAssembly" in record.message
    assert "seccomp: taken away" in record.message


def test_webassembly_never_steps_in_where_the_native_sandbox_works_or_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Sandbox(found=with_wasm(PRESENT)).close()
    assert not caplog.records
    with pytest.raises(SandboxUnavailable, match="seccomp"):
        Sandbox(found=with_wasm(without("seccomp")), isolation="native")


def test_webassembly_that_is_not_installed_is_refused_with_the_mend() -> None:
    with pytest.raises(SandboxUnavailable, match=r"burnish\[wasm\]"):
        Sandbox(found=PRESENT, isolation="wasm")
