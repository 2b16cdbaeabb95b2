"""Writes the lock: what `make demo` and `make test` install, with the hashes of all files.

    python .ci/lock.py      # needs uv; `make lock` brings one

uv resolves `pyproject.toml` once for all systems and Pythons that the project supports, always to
the newest versions that its ranges allow. The files name no index and no folder: pip takes what
they pin from wherever it is configured to look, and refuses any file of another hash.

PyTorch exists twice: the build on PyPI, which on Linux wants CUDA, and a build for CPUs (`+cpu`),
which some indexes and folders of wheels offer. Each has a file of its own; `make test` takes the
second where pip finds it, else the first. The hash of a build for CPUs is added where `make lock`
finds that build; hashes of the same version that others have added stay.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "requirements"
TORCH = ("torch", "nvidia-", "cuda-", "triton")
"""How the names of PyTorch and of what only its build for CUDA wants begin."""
WHAT = {
    "demo": "What `make demo` installs: burnish's own dependencies, and what builds it.",
    "test": "What `make test` installs: the development tools and all that the tests need.",
    "torch-cpu": "PyTorch, built for CPUs: for where pip is offered that build.",
    "torch": "PyTorch as PyPI has it, with the packages of CUDA that it wants on Linux.",
}

Pins = dict[str, str]
"""The lines of each pinned version, hashes included, by name, version and marker."""


def resolve(*options: str) -> Pins:
    """Resolve `pyproject.toml` and what builds it, for all systems."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-config", "--universal"),
        *("--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
        *("--no-emit-index-url", "--no-emit-find-links", *options, "pyproject.toml", "-"),
    ]
    done = subprocess.run(
        command, cwd=ROOT, input="\n".join(build), stdout=subprocess.PIPE, text=True, check=True
    )
    return split_pins(done.stdout)


def split_pins(text: str) -> Pins:
    """Split a requirements file into its pins."""
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    blocks = re.split(r"\n(?=\S)", "\n".join(lines))
    return {block.split(" \\\n")[0]: block for block in blocks if block}


def pin_cpu_build(version: str) -> Pins:
    """Pin PyTorch for CPUs, with the hash of the build that pip finds here and those known."""
    pin = f"torch=={version}+cpu"
    path = FOLDER / "torch-cpu.txt"
    before = split_pins(path.read_text("utf-8")) if path.exists() else {}
    hashes = set(re.findall(r"--hash=(\S+)", before.get(pin, "")))
    report = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"),
        *("--ignore-installed", "--report", "-", pin),
    ]
    done = subprocess.run(report, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        found = json.loads(done.stdout)["install"][0]["download_info"]["archive_info"]["hashes"]
        hashes.add(f"sha256:{found['sha256']}")
    elif not hashes:
        sys.stderr.write(
            f"no build of PyTorch {version} for CPUs is offered here: none is pinned\n"
        )
    return {pin: " \\\n    ".join([pin, *(f"--hash={one}" for one in sorted(hashes))])}


def write(name: str, pins: Pins) -> None:
    """Write one file of the lock.

    Raises:
        ValueError: a line says more than a version, a marker and hashes.
    """
    plain = re.compile(
        r"[\w.\-]+==[\w.+!\-]+( ; [\w.' <>=!()]+)?( \\\n    --hash=sha256:[0-9a-f]{64})*"
    )
    for block in pins.values():
        if not plain.fullmatch(block):
            raise ValueError(f"{name}.txt would hold more than versions and hashes: {block}")
    head = f"# {WHAT[name]}\n# Written by `make lock`; edit pyproject.toml instead.\n"
    (FOLDER / f"{name}.txt").write_text(head + "\n".join(pins.values()) + "\n", encoding="utf-8")


def main() -> None:
    """Renew the lock."""
    FOLDER.mkdir(exist_ok=True)
    everything = resolve("--extra", "dev")
    torch = {pin: block for pin, block in everything.items() if pin.startswith(TORCH)}
    version = next(pin for pin in torch if pin.startswith("torch==")).removeprefix("torch==")
    write("torch", torch)
    write("torch-cpu", pin_cpu_build(version.split(" ")[0]))
    write("test", {pin: block for pin, block in everything.items() if pin not in torch})
    # One version of each package: what the demo needs was chosen with everything else.
    write("demo", resolve("--constraints", str(FOLDER / "test.txt")))


if __name__ == "__main__":
    main()
