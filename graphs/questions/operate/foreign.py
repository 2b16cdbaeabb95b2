"""Operations and validators that others made: nothing they do ends a run.

What an operation answers goes the same way as every draft: checked, validated, admitted or rolled
back. One that raises, or answers with what is no result, fails for that order alone; a validator
that does abstains, with its name as the boundary that failed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from burnish.agents.operations.operation import EditOrder, EditResult, Operation
from burnish.agents.validators.validator import Validator
from burnish.corpora.errors import BurnishError, UsageError
from burnish.corpora.records import Opinion, QAItem, Verdict
from burnish.graphs.runs.plugins import Group, is_plugin, load_plugin, origin_of
from burnish.graphs.runs.question_settings import OWN_OPERATIONS, OWN_VALIDATORS, QaSettings

_OPINIONS = get_args(Opinion)


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
            BurnishError: the operation raised one that stops a run, such as a budget that ended.
        """
        try:
            found = _untyped(await self.inner.apply(order))
        except BurnishError:
            raise
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything; texts stay out
            return self._failed(order, f"raised {type(error).__name__}")
        return found if isinstance(found, EditResult) else self._failed(order, _answered(found))

    def _failed(self, order: EditOrder, why: str) -> EditResult:
        reason = f"operation {self.inner.name}: {why}"
        return EditResult(order, "failed", order.item, order.item, reason)


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
            BurnishError: the validator raised one that stops a run.
        """
        try:
            found = _untyped(await self.inner.check(item))
        except BurnishError:
            raise
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything; texts stay out
            return self._abstains(f"raised {type(error).__name__}")
        if not isinstance(found, Verdict):
            return self._abstains(_answered(found))
        if found.opinion not in _OPINIONS or not _is_share(found.confidence):
            return self._abstains("answered with an opinion or a confidence that there is not")
        return found

    def _abstains(self, why: str) -> Verdict:
        name = self.inner.name
        return Verdict(name, "abstain", 0.0, f"validator {name}: {why}", failure=name)


def _untyped(answer: object) -> object:
    """Forget what foreign code says that it answers."""
    return answer


def _answered(found: object) -> str:
    return f"answered {type(found).__name__}"


def _is_share(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= 1


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
    made: list[Operation] = [ForeignOperation(one) for one in operations]
    for name in _named("operations", settings.operations, made):
        found = _loaded("operations", name, settings)
        made.append(ForeignOperation(found, origin_of("operations", name)))  # pyright: ignore[reportArgumentType] - checked below
    judging: list[Validator] = [ForeignValidator(one) for one in validators]
    for name in _named("validators", settings.validators, judging):
        found = _loaded("validators", name, settings)
        judging.append(ForeignValidator(found, origin_of("validators", name)))  # pyright: ignore[reportArgumentType] - checked below
    _check(made, ("revision", "needs_model", "apply"), OWN_OPERATIONS)
    _check(judging, ("revision", "check"), OWN_VALIDATORS)
    return ForeignAgents(tuple(made), tuple(judging))


def _named(
    group: Group, names: Sequence[str] | None, given: Sequence[Operation] | Sequence[Validator]
) -> list[str]:
    """Return the names in the settings that are neither ours nor those of given objects."""
    own = OWN_OPERATIONS if group == "operations" else OWN_VALIDATORS
    held = {*own, *(one.name for one in given)}
    return [name for name in names or () if name not in held and is_plugin(group, name)]


def _loaded(group: Group, name: str, settings: QaSettings) -> object:
    options = settings.options.get(name, {})
    return load_plugin(group, name, options, f"qa.{group}")


def _check(
    agents: Sequence[ForeignOperation | ForeignValidator | Operation | Validator],
    members: Sequence[str],
    own: Sequence[str],
) -> None:
    for agent in agents:
        inner: object = getattr(agent, "inner", agent)
        lacking = [name for name in ("name", *members) if not hasattr(inner, name)]
        if lacking:
            told = ", ".join(lacking)
            raise UsageError(f"{type(inner).__name__}: has no {told}; see what its protocol asks")
        if agent.name in own:
            raise UsageError(f"{type(inner).__name__}: the name {agent.name!r} is burnish's own")
