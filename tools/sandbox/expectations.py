"""Run a file of programs whose results are known, and say where they differ.

One JSON object a line: `id`, `code`, `expect` (a class of result), and where they matter `accept`
(classes that will do as well), `answer` (the `repr` of the value, null for no value), `stdout` and
`stable` (a second run must give the same answer).
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import orjson

from burnish.corpora.errors import SourceError
from burnish.tools.sandbox.pool import Sandbox
from burnish.tools.sandbox.results import OUTCOMES, Execution, Outcome

_WORDS: dict[str, Outcome] = {
    "ok": "finished",
    "blocked": "forbidden",
    "memory": "out_of_memory",
    "timeout": "timed_out",
    "runtime_error": "raised",
    "crash": "crashed",
}
"""Other words for the classes, as collections of attacks use them."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A program and how it has to end."""

    id: str
    code: str
    outcomes: tuple[Outcome, ...]
    answer: str | None
    stdout: str | None
    answer_matters: bool
    stable: bool


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One program's result beside what was expected of it."""

    id: str
    expected: tuple[Outcome, ...]
    outcome: Outcome
    answer: str | None
    agrees: bool
    reason: str
    """How the result differs; empty where it does not."""


def check_programs(path: Path, sandbox: Sandbox | None = None) -> Iterator[CheckRow]:
    """Run the programs of a file one after the other and compare.

    Args:
        path: the JSON Lines file.
        sandbox: where to run them; a sandbox with one worker when not given.

    Raises:
        SourceError: the file cannot be read or a line is not a program with an expectation.
        SandboxUnavailable: the isolation cannot be had.
    """
    expectations = read_expectations(path)
    if sandbox is not None:
        yield from (check(expectation, sandbox) for expectation in expectations)
        return
    with Sandbox(workers=1) as own:
        yield from (check(expectation, own) for expectation in expectations)


def check_all(expectations: Sequence[Expectation], sandbox: Sandbox) -> Iterator[CheckRow]:
    """Run programs on all workers of a sandbox and compare; the rows keep their order.

    Raises:
        SandboxError: a program could not be run.
    """
    threads = ThreadPoolExecutor(sandbox.workers, thread_name_prefix="check")
    try:
        yield from threads.map(partial(check, sandbox=sandbox), expectations)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """Read a file of programs; raises SourceError as `check_programs` does."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SourceError(f"{path}: {reason}; give a JSON Lines file of programs") from None
    rows = enumerate(text.split("\n"), start=1)
    return tuple(_expectation(row, f"{path}:{number}") for number, row in rows if row.strip())


def check(expectation: Expectation, sandbox: Sandbox) -> CheckRow:
    """Run one program, twice where its answer has to be stable, and compare."""
    result = sandbox.run(expectation.code)
    reason = _difference(expectation, result)
    if not reason and expectation.stable and sandbox.run(expectation.code).value != result.value:
        reason = "a second run gave another answer"
    return CheckRow(
        id=expectation.id,
        expected=expectation.outcomes,
        outcome=result.outcome,
        answer=None if result.value is None else result.value.text,
        agrees=not reason,
        reason=reason,
    )


def _difference(expectation: Expectation, result: Execution) -> str:
    if result.outcome not in expectation.outcomes:
        return f"{result.outcome} instead of {' or '.join(expectation.outcomes)}"
    answer = None if result.value is None else result.value.text
    if expectation.answer_matters and answer != expectation.answer:
        return "another answer"
    if expectation.stdout is not None and result.stdout != expectation.stdout:
        return "another output"
    return ""


def _expectation(row: str, where: str) -> Expectation:
    try:
        read: object = orjson.loads(row)
    except orjson.JSONDecodeError:
        raise SourceError(f"{where}: not JSON; write one object a line") from None
    if not isinstance(read, dict):
        raise SourceError(f"{where}: not an object; write id, code, expect and answer")
    fields = cast("dict[str, object]", read)
    accepted = fields.get("accept", [])
    words = [fields.get("expect"), *(cast("list[object]", accepted) if accepted else [])]
    answer = fields.get("answer")
    return Expectation(
        id=_text(fields, "id", where),
        code=_text(fields, "code", where),
        outcomes=tuple(dict.fromkeys(_outcome(word, where) for word in words)),
        answer=answer if isinstance(answer, str) else None,
        stdout=_text(fields, "stdout", where) if "stdout" in fields else None,
        answer_matters="answer" in fields,
        stable=fields.get("stable") is True,
    )


def _text(fields: Mapping[str, object], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise SourceError(f"{where}: {name} is not a text; write id, code, expect and answer")
    return value


def _outcome(word: object, where: str) -> Outcome:
    outcome = _WORDS.get(word, word) if isinstance(word, str) else word
    if outcome not in OUTCOMES:
        raise SourceError(f"{where}: expect is not a class; use one of {', '.join(OUTCOMES)}")
    return outcome
