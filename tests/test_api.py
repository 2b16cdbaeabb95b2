"""The front door: what `import burnish` offers, and what it costs."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest

import burnish

VERBS = {"refine", "refine_all", "run", "plan", "replay", "verify", "profile"}
NOUNS = {
    "Settings", "Document", "QAItem", "Program", "RemoveLines", "RemoveStr", "KeepAll", "RemoveAll",
    "Resolution", "Certificate", "Refined", "RunResult",
}  # fmt: skip
PROTOCOLS = {"Refiner", "Operation", "Validator"}
OF_PROTOCOLS = {"Note", "EditOrder", "EditResult", "Verdict"}
"""What whoever implements a protocol is given, or must answer with."""
ERRORS = {
    "BurnishError", "UsageError", "SourceError", "RunError", "ReplyError", "QuarantinedReply",
    "RefinerError", "ModelError", "BudgetExhausted", "QuotaPaused", "SandboxError",
    "SandboxUnavailable",
}  # fmt: skip
REST = {"ScriptedClient", "__version__"}


def test_what_is_public_is_this_list_and_nothing_else() -> None:
    assert burnish.__all__ == sorted(VERBS | NOUNS | PROTOCOLS | OF_PROTOCOLS | ERRORS | REST)


@pytest.mark.parametrize("name", burnish.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(burnish, name)
    assert name in dir(burnish)
    if name != "__version__":
        assert value.__doc__.strip()
        assert value.__name__ == name


def test_the_version_is_that_of_the_distribution() -> None:
    assert burnish.__version__ == version("burnish")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'burnish' has no attribute 'polish'"):
        burnish.polish  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def test_importing_burnish_loads_nothing_but_itself() -> None:
    program = (
        "import sys, importlib, typing\nbefore = set(sys.modules)\nimport burnish\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["burnish"]


def test_all_names_can_be_imported_with_a_star() -> None:
    program = "from burnish import *\nprint(refine.__name__, UsageError.__mro__[1].__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["refine", "BurnishError"]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_help_of_a_verb_says_arguments_and_errors(verb: str) -> None:
    told = getattr(burnish, verb).__doc__
    assert "Args:" in told
    assert "Raises:" in told


LINE = "The bees fly at dawn, as soon as it is warm enough for them."


SENSELESS: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: burnish.run("", folder / "out"), "no input is named"),
    (lambda folder: burnish.plan(" ", folder / "out"), "no input is named"),
    (lambda _: burnish.profile(""), "no input is named"),
    (lambda folder: burnish.run(folder, "a\0b"), "NUL"),
    (lambda folder: burnish.run(folder, folder / "out", workers=0), "workers=0"),
    (lambda _: burnish.refine(LINE, settings=cast("Any", "refiner.name=rules")), "settings: "),
    (lambda _: burnish.refine(LINE, settings=cast("Any", {5: 1})), "settings: "),
    (lambda _: burnish.refine(cast("Any", None)), "NoneType"),
    (lambda _: list(burnish.refine_all(cast("Any", [b"x"]))), "document 0: is bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "told"), SENSELESS)
def test_what_makes_no_sense_is_refused_in_one_line(
    call: Callable[[Path], object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(burnish.UsageError, match=told) as refused:
        call(tmp_path)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_documents_before_a_failing_one_come_out_first() -> None:
    def broken() -> Iterator[str]:
        for _ in range(300):
            yield LINE
        raise OSError("the source broke")

    refined = burnish.refine_all(broken(), refiner="rules")
    assert [next(refined).document.text for _ in range(300)] == [LINE] * 300
    with pytest.raises(OSError, match="the source broke"):
        next(refined)


@pytest.mark.process
def test_a_script_needs_no_guard_of_its_own_to_use_several_processes(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import json, pathlib, burnish\n"
        "here = pathlib.Path(__file__).parent\n"
        f"rows = [json.dumps({{'id': str(n), 'text': {LINE!r}}}) for n in range(3000)]\n"
        "(here / 'corpus.jsonl').write_text('\\n'.join(rows))\n"
        "settings = {'refiner.name': 'rules'}\n"
        "done = burnish.run(here / 'corpus.jsonl', here / 'out', settings=settings, workers=2)\n"
        "print(done.totals['rows'], *done.faults)\n",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("3000\n", "")
