"""Is this installation fit for work? One small check for each part, and what to do about it.

A check never stops the others: whatever a broken library raises becomes a row.
"""

import asyncio
import importlib
import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

from burnish.agents.llm.endpoints import Endpoint, dialect_of
from burnish.agents.prompting.probe import Constraints, probe
from burnish.corpora.errors import BurnishError
from burnish.graphs.runs.plugins import GROUPS, Plugin, find_plugins, load_plugin

if TYPE_CHECKING:
    from burnish.tools.sandbox.pool import Layer

CheckState = Literal["ok", "missing", "broken", "optional"]
"""`missing` and `broken` parts are needed; an `optional` part is absent or does not work here, and
everything but what its detail names works without it."""

EXTRAS = ("hf", "train", "sft", "qa", "wiki", "wasm")
"""Groups of libraries that `pip install "burnish[NAME]"` adds, as far as this version has them."""
_EMBEDDING = ("sentence_transformers", "torch")
LEAST_FREE = 1 << 30
"""Bytes of disk below which a run of any size is likely to fail."""
SERVER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Check:
    """What one part was found to be."""

    name: str
    state: CheckState
    detail: str
    mend: str = ""
    """What to do; empty where all is well."""


def examine(endpoint: Endpoint | None = None) -> tuple[Check, ...]:
    """Look at every part, one after the other.

    Args:
        endpoint: a model server to try as well; its key is read from the environment.
    """
    parts: list[tuple[str, Callable[[], Sequence[Check]]]] = [
        ("python", lambda: (check_interpreter(), check_packages(_declared()))),
        ("extras", lambda: check_extras(_declared())),
        ("plug-ins", check_plugins),
        ("sandbox", check_sandbox),
        ("solver", lambda: (check_solver(),)),
        ("index", lambda: (check_index(),)),
        ("embedder", lambda: (check_embedder(),)),
        ("disk", lambda: (check_temporary(), check_disk("current folder", Path.cwd()))),
    ]
    if endpoint is not None:
        parts.append(("server", lambda: (check_server(endpoint),)))
    return tuple(check for name, part in parts for check in _contained(name, part))


def is_healthy(checks: Sequence[Check]) -> bool:
    """Say whether everything that is needed works."""
    return all(check.state in {"ok", "optional"} for check in checks)


def _contained(name: str, part: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    try:
        return part()
    except Exception as error:  # noqa: BLE001 - a broken library may raise anything
        words = str(error).strip().split("\n")[0][:200]
        return (Check(name, "broken", f"{type(error).__name__}: {words}", "install burnish anew"),)


def check_interpreter() -> Check:
    """Tell which Python and which burnish this is."""
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("burnish", "ok", f"{version('burnish')}, {found}")


def check_packages(declared: Sequence[Requirement]) -> Check:
    """Compare the libraries that burnish always needs with what is installed."""
    needed = [each for each in declared if each.marker is None or each.marker.evaluate()]
    absent = [str(each) for each in needed if _installed(each) is None]
    unfit = [_unfit(each) for each in needed]
    faults = [f"no {name}" for name in absent] + [fault for fault in unfit if fault]
    if faults:
        state: CheckState = "missing" if absent else "broken"
        return Check("packages", state, "; ".join(faults), "pip install --upgrade burnish")
    found = ", ".join(f"{each.name} {_installed(each)}" for each in needed)
    return Check("packages", "ok", found)


def check_extras(declared: Sequence[Requirement]) -> tuple[Check, ...]:
    """Tell which optional groups of libraries are whole."""
    known = {name: [each for each in declared if _is_of(each, name)] for name in EXTRAS}
    return tuple(_extra(name, parts) for name, parts in known.items() if parts)


def check_plugins() -> tuple[Check, ...]:
    """Tell what other distributions add, and whether it can be loaded."""
    return tuple(_plugin(one) for group in GROUPS for one in find_plugins(group))


def _plugin(plugin: Plugin) -> Check:
    name = f"{plugin.group.removesuffix('s')} {plugin.name}"
    try:
        load_plugin(plugin.group, plugin.name, {}, "plug-in")
    except BurnishError as error:
        mend = f"ask the makers of {plugin.origin}, or give its options"
        return Check(name, "optional", f"{plugin.origin}: {error}", mend)
    return Check(name, "ok", plugin.origin)


def _extra(name: str, parts: Sequence[Requirement]) -> Check:
    absent = [each.name for each in parts if _installed(each) is None]
    faults = [f"{part} is not installed" for part in absent]
    faults += [fault for each in parts if (fault := _unfit(each))]
    if not faults:
        found = ", ".join(f"{each.name} {_installed(each)}" for each in parts)
        return Check(f"extra {name}", "ok", found)
    return Check(f"extra {name}", "optional", "; ".join(faults), f'pip install "burnish[{name}]"')


def _declared() -> list[Requirement]:
    return [Requirement(line) for line in requires("burnish") or ()]


def _is_of(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate()


def _installed(requirement: Requirement) -> str | None:
    try:
        return version(requirement.name)
    except PackageNotFoundError:
        return None


def _unfit(requirement: Requirement) -> str:
    found = _installed(requirement)
    if found is None or requirement.specifier.contains(found, prereleases=True):
        return ""
    return f"{requirement.name} {found} is not {requirement.specifier}"


def check_sandbox(found: Sequence["Layer"] | None = None) -> tuple[Check, ...]:
    """Look at each layer of the sandbox, then run a program in it.

    Args:
        found: the layers to judge; those of this system when not given.
    """
    from burnish.tools.sandbox.layers import WASM, available
    from burnish.tools.sandbox.pool import Sandbox, layers

    found = layers() if found is None else found
    absent: CheckState = "optional" if available(found, WASM) else "missing"
    rows = [
        Check(
            f"sandbox: {layer.name}",
            "ok" if layer.available else absent if layer.required else "optional",
            layer.detail,
            "" if layer.available else layer.mend,
        )
        for layer in found
    ]
    try:
        with Sandbox(workers=1, found=found) as opened:
            result = opened.run("from sympy import Rational\nRational(1, 2) + 6 * 7")
    except BurnishError as error:
        return (*rows, Check("sandbox", "broken", str(error), "see the rows of its layers"))
    if result.outcome != "finished" or result.value is None or result.value.number != "85/2":
        detail = f"a sum of fractions ended as {result.outcome}"
        return (*rows, Check("sandbox", "broken", detail, "pip install --upgrade sympy numpy"))
    spent = f"{1000 * result.cost.wall_seconds:.0f} ms"
    return (*rows, Check("sandbox", "ok", f"ran a program in {spent} ({', '.join(result.layers)})"))


def check_solver() -> Check:
    """Have HiGHS solve a program of three options, of which two fit."""
    import numpy as np

    from burnish.tools.planning.integer_program import SolverSettings, chosen, solve
    from burnish.tools.planning.problem import Instance

    options = np.arange(3)
    gains, costs = np.array([3.0, 2.0, 4.0]), np.array([2.0, 1.0, 3.0])
    instance = Instance.of(options, gains, costs, budget=4.0)
    answer = solve(instance, options, instance.limits, SolverSettings(seconds=10.0))
    picked = sorted(instance.origin[chosen(options, answer)].tolist())
    found = f"HiGHS {version('highspy')} through CVXPY {version('cvxpy')}"
    if answer.status != "optimal" or picked != [1, 2]:
        return Check(
            "solver", "broken", f"{found}: a program of three options came out {answer.status}",
            "pip install --upgrade cvxpy highspy",
        )  # fmt: skip
    return Check("solver", "ok", f"{found} solves")


def check_index() -> Check:
    """Import the library that searches passages."""
    mend = "pip install --force-reinstall faiss-cpu"
    try:
        importlib.import_module("faiss")
    except ModuleNotFoundError:
        return Check("index", "missing", "faiss is not installed", mend)
    except (ImportError, OSError) as error:
        return Check("index", "broken", f"faiss: {error}", mend)
    return Check("index", "ok", f"faiss {version('faiss-cpu')}")


def check_embedder() -> Check:
    """Load the default embedder and have it tell near from far."""
    absent = [name for name in _EMBEDDING if importlib.util.find_spec(name) is None]
    mend = 'pip install "burnish[qa]"'
    if absent:
        detail = f"{' and '.join(absent)} not installed; questions are then not embedded"
        return Check("embedder", "optional", detail, mend)
    from burnish.tools.retrieval.embedder import load_embedder

    try:
        model = load_embedder()
    except BurnishError as error:
        return Check("embedder", "broken", str(error), mend)
    cat, kitten, tax = model.embed(["A cat sleeps.", "A kitten is asleep.", "Tax law of 1911."])
    told = f"{model.name}, {model.dimensions} dimensions, {model.precision}"
    if not cat @ kitten > cat @ tax:
        return Check("embedder", "broken", f"{told}: it cannot tell near from far", mend)
    return Check("embedder", "ok", told)


def check_temporary() -> Check:
    """Write a file to the folder for temporary files and tell its free space."""
    mend = "set TMPDIR to a folder that can be written"
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"burnish")
            file.flush()
        folder = Path(tempfile.gettempdir())
    except OSError as error:
        return Check("temporary files", "broken", error.strerror or type(error).__name__, mend)
    return check_disk("temporary files", folder)


def check_disk(name: str, folder: Path) -> Check:
    """Tell the free space of a folder's file system."""
    free = shutil.disk_usage(folder).free
    told = f"{folder}: {free / (1 << 30):,.1f} GiB free"
    if free < LEAST_FREE:
        return Check(name, "broken", told, "free some space: runs need several times their input")
    return Check(name, "ok", told)


def check_server(endpoint: Endpoint) -> Check:
    """Ask a model server the three questions that show whether it holds constraints."""
    try:
        held = asyncio.run(_probed(endpoint))
    except BurnishError as error:
        return Check("server", "broken", str(error), "start it, or correct --llm and --model")
    kinds = {"choice": held.choice, "JSON schema": held.schema, "forced tool call": held.tools}
    told = ", ".join(f"{kind} {'held' if held else 'NOT held'}" for kind, held in kinds.items())
    told = f"{endpoint.model} answers at {endpoint.url}: {told}"
    if all(kinds.values()):
        return Check("server", "ok", told)
    mend = "models are refined with, but less surely: `burnish serve` starts one that holds them"
    return Check("server", "optional", told, mend)


async def _probed(endpoint: Endpoint) -> Constraints:
    from burnish.agents.llm.openai_model import Connection, ServedModel

    key = os.environ.get(endpoint.key_env) or "EMPTY"
    connection = Connection(endpoint.url, key, min(endpoint.timeout_s, SERVER_SECONDS))
    model = ServedModel(connection, dialect_of(endpoint))
    try:
        return await probe(model)
    finally:
        await model.close()
