"""Checks around an operation: what it made is checked, mended once, or taken back.

The order of things: checks that cost nothing first, then the difficulty, then the validators. A
draft that fails goes back once, with the complaints, to an operation that can redraft; one that
fails again is rolled back. Tokens spent on the way, by validators too, stay on the invoice.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from burnish.agents.editing import Edit, Operation, Order
from burnish.agents.validator import Verdict
from burnish.corpora.documents import QAItem
from burnish.tools.item_checks import Draft, asked, complaints, found_elsewhere
from burnish.tools.overlap import TextIndex

BUCKET_SLACK = 1
"""Buckets by which a written item may miss the wanted one: scores of one item are that unsure."""
REPAIR = "repair"


@runtime_checkable
class Redrafting(Protocol):
    """An operation that can try again when told what is wrong."""

    async def redraft(self, order: Order, edit: Edit, complaints: Sequence[str]) -> Edit:
        """Carry out the order again; the edit is the refused one."""
        ...


class Scorer(Protocol):
    """Estimates how hard an item is."""

    async def bucket(self, item: QAItem) -> "Scored":
        """Return the difficulty bucket, 0 the easiest; None where it cannot be told."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """A difficulty, and what finding it cost."""

    bucket: int | None
    tokens: int = 0


class Judging(Protocol):
    """What validators together say of an item (as `agents.validation.Decision`)."""

    @property
    def opinion(self) -> str:
        """`accept`, `reject` or `abstain`."""
        ...

    @property
    def reason(self) -> str:
        """In one line."""
        ...

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What each validator said."""
        ...


Judge = Callable[[QAItem], Awaitable[Judging]]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Checks:
    """What every draft must pass; each part is optional."""

    own: TextIndex | None = None
    """The set, for duplicates; items accepted are added to it, items removed dropped."""
    foreign: tuple[TextIndex, ...] = ()
    """Evaluation sets that nothing may be taken from."""
    embed: Embed | None = None
    """Makes the vectors that likeness is told by."""
    scorer: Scorer | None = None
    judge: Judge | None = None
    """The validators."""
    judged: frozenset[str] = field(
        default_factory=lambda: frozenset({
            "draw", "mine_distractors", "expand", "generate", "rephrase", "recalibrate",
            "rewrite_distractors", "repair",
        })
    )  # fmt: skip
    """Operations whose results validators see."""


@dataclass(frozen=True, slots=True)
class _Finding:
    complaints: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """An operation whose results are checked, mended once, or rolled back."""

    operation: Operation
    checks: Checks

    @property
    def name(self) -> str:
        """The operation's name in plans, ledgers and invoices."""
        return self.operation.name

    @property
    def needs_model(self) -> bool:
        """Whether a language model is called by the operation itself."""
        return self.operation.needs_model

    async def apply(self, order: Order) -> Edit:
        """Carry out the order and check what comes of it.

        Raises:
            BudgetExhausted: a request does not fit the token budget.
            QuotaPaused: the server's quota is used up.
        """
        edit = await self.operation.apply(order)
        if edit.status != "done" or edit.after is None:
            return self._settled(edit)
        finding = await self._find(edit)
        if not finding.complaints:
            return self._settled(_with(edit, finding))
        refused = _with(edit, finding)
        if not isinstance(self.operation, Redrafting):
            return _rolled_back(refused, refused)
        second = await self.operation.redraft(order, edit, finding.complaints)
        second = replace(second, tokens=second.tokens + refused.tokens, attempts=2)
        if second.status != "done" or second.after is None:
            return _rolled_back(second, refused)
        finding = await self._find(second)
        told = replace(
            _with(second, finding), complaints=(*refused.complaints, *finding.complaints)
        )
        return _rolled_back(told, told) if finding.complaints else self._settled(told)

    async def _find(self, edit: Edit) -> _Finding:
        """Check a draft, the cheap checks first; later ones are spared when those complain."""
        item, checks = edit.after, self.checks
        if item is None:
            return _Finding()
        draft = Draft(item, edit.before, key_may_change=edit.order.operation == REPAIR)
        vector = None if checks.embed is None else checks.embed([asked(item)])[0]
        found = complaints(draft) + found_elsewhere(draft, checks.own, checks.foreign, vector)
        if found:
            return _Finding(tuple(f"{one.kind}: {one.message}" for one in found))
        finding = await self._score(edit.order, item)
        if finding.complaints or checks.judge is None or edit.order.operation not in checks.judged:
            return finding
        decision = await checks.judge(item)
        tokens = finding.tokens + sum(verdict.tokens for verdict in decision.verdicts)
        told = (f"validators reject it: {decision.reason}",) if decision.opinion == "reject" else ()
        return _Finding(told, decision.verdicts, tokens)

    async def _score(self, order: Order, item: QAItem) -> _Finding:
        if self.checks.scorer is None or order.bucket is None:
            return _Finding()
        scored = await self.checks.scorer.bucket(item)
        if scored.bucket is None or abs(scored.bucket - order.bucket) <= BUCKET_SLACK:
            return _Finding(tokens=scored.tokens)
        told = f"difficulty: bucket {scored.bucket}, wanted {order.bucket} (0 is the easiest)"
        return _Finding((told,), tokens=scored.tokens)

    def _settled(self, edit: Edit) -> Edit:
        """Tell the index of the set what changed."""
        own = self.checks.own
        if own is None or edit.status != "done":
            return edit
        if edit.before is not None:
            own.drop(edit.before.id)
        if edit.after is not None:
            text = asked(edit.after)
            vector = None if self.checks.embed is None else self.checks.embed([text])[0]
            own.add(edit.after.id, text, vector)
        return edit


def _with(edit: Edit, finding: _Finding) -> Edit:
    return replace(
        edit,
        complaints=finding.complaints,
        verdicts=finding.verdicts,
        tokens=edit.tokens + finding.tokens,
    )


def _rolled_back(edit: Edit, refused: Edit) -> Edit:
    """Return the edit undone: what was there stands, tokens and complaints stay."""
    complaints = edit.complaints or refused.complaints
    if edit.status == "failed" and edit.reason:
        complaints = (*complaints, edit.reason)
    return replace(
        edit,
        status="rolled_back",
        before=refused.before,
        after=refused.before,
        reason=f"checks refused it: {complaints[-1]}" if complaints else "checks refused it",
        complaints=complaints,
        verdicts=edit.verdicts or refused.verdicts,
    )
