import asyncio
from collections.abc import Iterator

import pytest

from burnish.corpora.errors import SandboxError
from burnish.tools.answers.judge import Judge
from burnish.tools.answers.program_output import found_answer
from burnish.tools.sandbox.pool import Sandbox, layers
from burnish.tools.sandbox.results import Cost, Execution, Limits, Outcome, Value

needs_sandbox = pytest.mark.skipif(
    any(layer.required and not layer.available for layer in layers()),
    reason="this system lacks a layer the sandbox needs",
)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Sandbox(Limits(cpu_seconds=1), workers=1) as sandbox:
        yield Judge(sandbox)


class Never:
    """A sandbox that must not be asked."""

    async def run_async(self, program: str) -> Execution:
        raise SandboxError(f"asked to run {len(program)} characters")


def ended(
    text: str | None = None,
    kind: str = "str",
    number: str | None = None,
    *,
    stdout: str = "",
    outcome: Outcome = "finished",
    cut: bool = False,
) -> Execution:
    value = None if text is None else Value(kind, text, number, cut=cut)
    return Execution(outcome, stdout, value, "", "", None, Cost(0.0, 0.0, 0), ())


@needs_sandbox
@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ("x^2 + 2x + 1", "(x+1)^2", "same"), ("x^2 + 2x + 1", "(x+1)^3", "different"),
        (r"\frac{\sqrt{2}}{2}", "1/sqrt(2)", "same"), ("5(√3 + 1)", "5 + 5 sqrt(3)", "same"),
        ("1.41421356", "√2", "same"), ("1.414", "√2", "same"), ("1.42", "√2", "different"),
        ("8π", "25.13", "same"), ("sin(x)^2 + cos(x)^2", "1", "same"), ("2^3", "8", "same"),
        ("x + y = 3", "2x = 6 - 2y", "same"), ("y = 2x + 1", "2y = 4x + 2", "unclear"),
        ("{√2, 1}", "{1, 2/√2}", "same"), ("(√2, 1)", "(1, √2)", "different"),
        ("B", "C", "different"), ("9**9**9**9", "x", "unclear"), ("ln(e)", "1", "same"),
    ],
)  # fmt: skip
def test_formulas_are_compared_by_algebra(
    judge: Judge, left: str, right: str, relation: str
) -> None:
    assert asyncio.run(judge.compare(left, right)).relation == relation
    assert asyncio.run(judge.compare(right, left)).relation == relation


@pytest.mark.parametrize("hostile", [
    "__import__('os').system('id')", "x + open('/etc/passwd').read()", "().__class__.__bases__[0]",
    "eval('1')", "exit()", "lambda: 0", "[].append(1)", "'''\nimport os\n'''", "x\\'+1", "{x:=1}",
    "symbols('x')", "Symbol", "globals()", "f(x)(y).z", "1 if 1 else 2", "x;import os",
])  # fmt: skip
def test_hostile_answers_reach_no_program(hostile: str) -> None:
    judge = Judge(Never())
    assert asyncio.run(judge.compare(hostile, "x + 1")).relation in {"different", "unclear"}
    assert asyncio.run(judge.against_key(hostile, "B", ("1", "2"))).relation != "same"


@needs_sandbox
def test_a_formula_among_choices_is_found_by_value(judge: Judge) -> None:
    choices = ("A) 5(√3 + 1)", "B) 6(√3 + √2)", "C) 7(√3 - 1)", "D) None of these")
    assert asyncio.run(judge.against_key("5*sqrt(3) + 5", "A", choices)).relation == "same"
    assert asyncio.run(judge.against_key("5*sqrt(3) + 5", "(c)", choices)).relation == "different"
    assert asyncio.run(judge.against_key("5*sqrt(3)", "D", choices)).relation == "unclear"


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (ended("42", "int", "42"), "42"), (ended("0.5", "float", "0.5"), "0.5"),
        (ended("Fraction(1, 2)", "Fraction", "1/2"), "1/2"), (ended("'Tuesday'"), "Tuesday"),
        (ended("\"it's\""), "it's"), (ended("[Fraction(1, 2), 3]", "list"), "[1/2, 3]"),
        (ended("np.float64(2.5)", "float64", "2.5"), "2.5"),
        (ended("array([1, 2])", "ndarray"), "[1, 2]"),
        (ended("sqrt(2)/2", "Mul", "0.7071067811865476"), "sqrt(2)/2"),
        (ended("{x: 9/2}", "dict"), "9/2"), (ended("Interval.Lopen(2, 5)", "Interval"), "(2, 5]"),
        (ended(stdout="working\n42\n\n"), "42"), (ended(stdout=""), None),
        (ended("nan", "float"), None),
        (ended("''"), None), (ended("[]", "list"), None), (ended("'a'", cut=True), None),
        (ended("1", "int", "1", outcome="raised"), None), (ended("'x\\x1b[31m'"), "x\\x1b[31m"),
        (ended("'" + "9" * 900 + "'"), None),
    ],
)  # fmt: skip
def test_the_answer_of_a_program_is_read_without_evaluating_it(
    result: Execution, answer: str | None
) -> None:
    assert found_answer(result) == answer
