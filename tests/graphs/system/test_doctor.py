import json
import os
import subprocess
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from burnish.agents.llm.endpoints import Endpoint
from burnish.eval.robustness.speed import COMMAND
from burnish.graphs.system import doctor
from burnish.graphs.system.doctor import Check, is_healthy
from burnish.tools.sandbox.pool import layers
from tests.support.model_server import model_server
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.process

NEEDED = {"burnish", "packages", "sandbox", "solver", "index", "temporary files", "current folder"}


def called(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "doctor", *arguments],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        env=os.environ | environment,
    )  # fmt: skip


def test_a_whole_installation_is_healthy_row_by_row() -> None:
    done = called("--json")
    told = json.loads(done.stdout)
    rows = {row["name"]: row for row in told["checks"]}
    assert set(rows) >= NEEDED
    assert any(name.startswith("sandbox: ") for name in rows)
    assert all(row["detail"] for row in rows.values())
    assert all(row["mend"] for row in rows.values() if row["state"] != "ok")
    assert all(rows[name]["state"] == "ok" for name in NEEDED - {"sandbox"})
    assert told["ok"] is (done.returncode == 0)
    assert "server" not in rows


def test_people_get_a_table() -> None:
    done = called(COLUMNS="200")
    assert "solver" in done.stdout
    assert "HiGHS" in done.stdout
    assert not done.stdout.startswith("{")
    assert "Traceback" not in done.stderr


def test_half_a_server_is_one_line() -> None:
    done = called("--llm", "http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--model" in done.stderr


@pytest.mark.parametrize(
    ("state", "well"), [("ok", True), ("optional", True), ("missing", False), ("broken", False)]
)
def test_only_what_is_needed_decides(state: doctor.CheckState, *, well: bool) -> None:
    assert is_healthy([Check("first", "ok", "there"), Check("second", state, "seen")]) is well


def test_a_server_that_holds_constraints_is_ok() -> None:
    with model_server() as server:
        check = doctor.check_server(Endpoint(server.url, "m"))
    assert check.state == "ok"
    assert "JSON schema held" in check.detail


def test_a_server_that_holds_none_is_named_so() -> None:
    with model_server(obedient=False) as server:
        check = doctor.check_server(Endpoint(server.url, "m"))
    assert check.state == "optional"
    assert "NOT held" in check.detail


def test_a_server_that_is_down_is_broken() -> None:
    check = doctor.check_server(Endpoint("http://127.0.0.1:9/v1", "m"))
    assert check.state == "broken"
    assert check.mend


def test_an_embedder_is_ok_or_optional() -> None:
    check = doctor.check_embedder()
    installed = find_spec("sentence_transformers") is not None
    assert check.state == ("ok" if installed else "optional")
    assert "dimensions" in check.detail or "burnish[qa]" in check.mend


def test_a_missing_layer_of_the_sandbox_is_named_with_its_mend() -> None:
    gone = {"seccomp", "wasm"}
    found = [replace(layer, available=layer.name not in gone, detail="gone") for layer in layers()]
    rows = {check.name: check for check in doctor.check_sandbox(found)}
    assert rows["sandbox: seccomp"].state == "missing"
    assert rows["sandbox: seccomp"].mend
    assert rows["sandbox: wasm"].state == "optional"
    assert rows["sandbox"].state == "broken"
    assert "burnish[wasm]" in rows["sandbox"].detail


def test_a_nearly_full_disk_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_disk("here", tmp_path).state == "ok"
    monkeypatch.setattr(doctor, "LEAST_FREE", 1 << 62)
    assert doctor.check_disk("here", tmp_path).state == "broken"


def test_a_folder_for_temporary_files_that_cannot_be_written_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.tempfile, "tempdir", str(tmp_path / "absent"))
    check = doctor.check_temporary()
    assert check.state == "broken"
    assert "TMPDIR" in check.mend


def declared(*lines: str) -> list[Requirement]:
    return [Requirement(line) for line in lines]


def test_libraries_are_compared_with_what_is_declared() -> None:
    assert doctor.check_packages(declared("numpy", "orjson>=3")).state == "ok"
    old = doctor.check_packages(declared("numpy>=999"))
    assert old.state == "broken"
    assert old.detail == f"numpy {version('numpy')} is not >=999"
    absent = doctor.check_packages(declared("no-such-library", 'neither; extra == "hf"'))
    assert absent.state == "missing"
    assert absent.detail == "no no-such-library"


def test_an_extra_that_is_not_whole_is_optional() -> None:
    lines = declared("numpy", 'no-such-library; extra == "wasm"', 'numpy>=1; extra == "hf"')
    found = {check.name: check for check in doctor.check_extras(lines)}
    assert set(found) == {"extra hf", "extra wasm"}
    assert found["extra hf"].state == "ok"
    assert found["extra wasm"].state == "optional"
    assert "burnish[wasm]" in found["extra wasm"].mend


def test_a_part_that_fails_in_its_own_way_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def solver() -> Check:
        raise SystemError("a\nb")

    monkeypatch.setattr(doctor, "check_solver", solver)
    rows = {check.name: check for check in doctor.examine()}
    assert rows["solver"].state == "broken"
    assert rows["solver"].detail == "SystemError: a"
    assert rows["temporary files"].state == "ok"
