"""Operations and validators that others made: nothing they do ends a run.

What an operation answers goes the same way as every draft: checked, validated, admitted or rolled
back. One that raises, or answers with what is no result, fails for that order alone; a validator
that does abstains, with its name as the boundary that failed.
"""

from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast, get_args

import orjson
from pydantic import TypeAdapter

from burnish.agents.operations.checked import Redrafting
from burnish.agents.operations.operation import EditOrder, EditResult, EditStatus, Operation
from burnish.agents.validators.validator import Validator
from burnish.corpora.errors import BudgetExhausted, ModelError, QuotaPaused, UsageError
from burnish.corpora.records import QAItem, Verdict
from burnish.graphs.questions.operate.record_graph import CHECK
from burnish.graphs.runs.plugins import (
    Group,
    check_part,
    is_plugin,
    is_share,
    is_writable,
    load_plugin,
    origin_of,
)
from burnish.graphs.runs.question_settings import OWN_OPERATIONS, OWN_VALIDATORS, QaSettings

_ITEM = TypeAdapter(QAItem)
_VERDICT = TypeAdapter(Verdict)
_MOST = 2**31
"""Counts in ledgers are narrow."""
_STOPS = (BudgetExhausted, QuotaPaused, ModelError)
"""What ends a run from within a part of somebody else's, as from within ours."""


@dataclass(frozen=True, slots=True)
class ForeignOperation:
    """An operation of somebody else's on single items."""

    inner: Operation
    origin: str = ""
    """The distribution it comes from, if it was named by an entry point."""

    @property
    def name(self) -> str:
        """The operation's name in settings, plans, ledgers and invoices."""
        return self.inner.name

    @property
    def revision(self) -> str:
        """What the operation says of itself, and where it comes from."""
        return _revision(self.inner.revision, self.origin)

    @property
    def needs_model(self) -> bool:
        """Whether it says that it calls a language model."""
        return bool(self.inner.needs_model)

    async def apply(self, order: EditOrder) -> EditResult:
        """Carry out the order; whatever goes wrong is a result that failed.

        Raises:
            BudgetExhausted, QuotaPaused, ModelError: the operation raised one.
        """
        return await self._result(order, self.inner.apply(order))

    async def _result(self, order: EditOrder, answer: Awaitable[object]) -> EditResult:
        try:
            found = await answer
        except _STOPS:
            raise
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything; texts stay out
            return self._failed(order, f"raised {type(error).__name__}")
        if not isinstance(found, EditResult):
            return self._failed(order, f"answered {type(found).__name__}")
        try:
            return _trusted_result(order, found)
        except Exception:  # noqa: BLE001 - whatever asking for wrong values raises
            return self._failed(order, "answered with what cannot be written")

    def _failed(self, order: EditOrder, why: str) -> EditResult:
        reason = f"operation {self.inner.name}: {why}"
        return EditResult(order, "failed", order.item, order.item, reason)


@dataclass(frozen=True, slots=True)
class ForeignRedrafter(ForeignOperation):
    """One that can try again when told what is wrong."""

    async def redraft(
        self, order: EditOrder, edit: EditResult, complaints: Sequence[str]
    ) -> EditResult:
        """Carry out the order again, as `apply` does."""
        inner = cast("Redrafting", self.inner)
        return await self._result(order, inner.redraft(order, edit, complaints))


@dataclass(frozen=True, slots=True)
class ForeignValidator:
    """A validator of somebody else's."""

    inner: Validator
    origin: str = ""

    @property
    def name(self) -> str:
        """The name shown in ledgers and reports."""
        return self.inner.name

    @property
    def revision(self) -> str:
        """What the validator says of itself, and where it comes from."""
        return _revision(self.inner.revision, self.origin)

    async def check(self, item: QAItem) -> Verdict:
        """Return the opinion on the keyed answer; whatever goes wrong is an abstention.

        Raises:
            QuotaPaused, ModelError: the validator raised one.
        """
        try:
            found = cast("object", await self.inner.check(item))
        except _STOPS:
            raise
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything; texts stay out
            return self._abstains(f"raised {type(error).__name__}")
        if not isinstance(found, Verdict):
            return self._abstains(f"answered {type(found).__name__}")
        try:
            return _trusted_verdict(found)
        except Exception:  # noqa: BLE001 - whatever asking for wrong values raises
            return self._abstains("answered with what cannot be written")

    def _abstains(self, why: str) -> Verdict:
        name = self.inner.name
        return Verdict(name, "abstain", 0.0, f"validator {name}: {why}", failure=name)


def _trusted_result(order: EditOrder, given: EditResult) -> EditResult:
    """Return a result that ledgers can hold, with the order and the item that were given out.

    Raises:
        ValueError: a field is not what it should be.
    """
    after = None if given.after is None else _ITEM.validate_python(_written(given.after))
    texts = (given.reason, *given.complaints)
    counts = (given.tokens, given.attempts)
    if not all(map(is_writable, texts)) or not all(map(_is_count, counts)):
        raise ValueError("texts or counts")
    if given.status not in get_args(EditStatus) or (given.status == "done" and after is None):
        raise ValueError("status")
    verdicts = tuple(map(_trusted_verdict, given.verdicts))
    return replace(
        given,
        order=order,
        before=order.item,
        after=after,
        complaints=tuple(given.complaints),
        verdicts=verdicts,
        scored=None,
    )


def _trusted_verdict(given: Verdict) -> Verdict:
    """Return a verdict that ledgers can hold.

    Raises:
        ValueError: a field is not what it should be.
    """
    if not is_share(given.confidence) or not _is_count(given.tokens):
        raise ValueError("numbers")
    return _VERDICT.validate_python(_written(given))


def _written(given: QAItem | Verdict) -> dict[str, Any]:
    """Return the fields, once they are known to be what a file can hold."""
    fields = asdict(given)
    orjson.dumps(fields)
    return fields


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < _MOST


def _revision(own: str, origin: str) -> str:
    return f"{own} of {origin}" if origin else own


@dataclass(frozen=True, slots=True)
class ForeignAgents:
    """What others add to a run over questions."""

    operations: tuple[Operation, ...] = ()
    validators: tuple[Validator, ...] = ()

    @property
    def revisions(self) -> dict[str, str]:
        """What decides of each, for the fingerprint."""
        told = {f"operation {one.name}": one.revision for one in self.operations}
        return told | {f"validator {one.name}": one.revision for one in self.validators}


NOBODY = ForeignAgents()


def foreign_agents(
    settings: QaSettings,
    operations: Sequence[Operation] = (),
    validators: Sequence[Validator] = (),
) -> ForeignAgents:
    """Return what the settings name of other distributions, and objects of the caller's.

    Raises:
        UsageError: one cannot be made, lacks a member of its protocol, or has a name that is taken.
    """
    given_operations = [(one, "") for one in operations]
    for name in _named("operations", settings.operations, operations):
        found = cast("Operation", _loaded("operations", name, settings))
        given_operations.append((found, origin_of("operations", name)))
    given_validators = [(one, "") for one in validators]
    for name in _named("validators", settings.validators, validators):
        judge = cast("Validator", _loaded("validators", name, settings))
        given_validators.append((judge, origin_of("validators", name)))
    for operation, _ in given_operations:
        check_part(operation, "operation", ("needs_model", "apply"), {*OWN_OPERATIONS, CHECK})
    for validator, _ in given_validators:
        check_part(validator, "validator", ("check",), OWN_VALIDATORS)
    _check_distinct([one.name for one, _ in given_operations], "operation")
    _check_distinct([one.name for one, _ in given_validators], "validator")
    made = [_operation(one, origin) for one, origin in given_operations]
    judging = [ForeignValidator(one, origin) for one, origin in given_validators]
    return ForeignAgents(tuple(made), tuple(judging))


def _named(
    group: Group, names: Sequence[str] | None, given: Sequence[Operation] | Sequence[Validator]
) -> list[str]:
    """Return the names in the settings that are neither ours nor those of given objects."""
    own = OWN_OPERATIONS if group == "operations" else OWN_VALIDATORS
    held = {*own, *(getattr(one, "name", None) for one in given)}
    return [name for name in names or () if name not in held and is_plugin(group, name)]


def _loaded(group: Group, name: str, settings: QaSettings) -> object:
    options = settings.options.get(name, {})
    return load_plugin(group, name, options, f"qa.{group}")


def _operation(inner: Operation, origin: str) -> Operation:
    kind = ForeignRedrafter if isinstance(inner, Redrafting) else ForeignOperation
    return kind(inner, origin)


def _check_distinct(names: Sequence[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{what}s: two have the name {twice[0]!r}; give each its own")
