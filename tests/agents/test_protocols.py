import asyncio
import inspect
from dataclasses import dataclass, replace
from textwrap import dedent
from typing import Any

from burnish.agents.operations.operation import EditOrder, EditResult, Operation
from burnish.agents.refiners.refiner import Refiner
from burnish.agents.validators.validator import Validator
from burnish.corpora.records import Document, QAItem, Verdict
from burnish.tools.deletion.program import Note, Program, RemoveLines

NAMES = {
    "EditResult": EditResult, "Note": Note, "Program": Program, "RemoveLines": RemoveLines,
    "Verdict": Verdict, "dataclass": dataclass, "replace": replace,
}  # fmt: skip


def made(protocol: type) -> Any:
    """Run the example in a protocol's docstring and make an object of its class."""
    code = (inspect.getdoc(protocol) or "").split("```python\n")[1].split("```")[0]
    held: dict[str, Any] = {"__name__": __name__, **NAMES}
    exec(dedent(code), held)  # noqa: S102
    (kind,) = (
        value for name, value in held.items() if name not in NAMES and inspect.isclass(value)
    )
    return kind()


def test_the_example_of_a_refiner_is_one() -> None:
    refiner = made(Refiner)
    assert isinstance(refiner, Refiner)
    (program,) = refiner.propose([Document("1", "A quiet line\nBUY NOW\n")])
    assert program == Program((RemoveLines(2, 2, note=Note(reason="shouting")),))


def test_the_example_of_an_operation_is_one() -> None:
    operation: Operation = made(Operation)
    item = QAItem("1", "Which metal is liquid", "mercury")
    edit = asyncio.run(operation.apply(EditOrder(operation.name, item)))
    assert (edit.status, edit.after) == ("done", replace(item, question=f"{item.question}?"))
    assert asyncio.run(operation.apply(EditOrder(operation.name))).status == "failed"


def test_the_example_of_a_validator_is_one() -> None:
    validator: Validator = made(Validator)
    verdicts = [asyncio.run(validator.check(QAItem("1", "?", key))) for key in ("7", " ")]
    assert [verdict.opinion for verdict in verdicts] == ["abstain", "reject"]
