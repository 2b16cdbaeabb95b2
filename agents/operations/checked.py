"""Checks around an operation: what it made is checked, mended once, or taken back.

The order of things: checks that cost nothing first, then the difficulty, then the validators. A
draft that fails goes back once, with the complaints, to an operation that can redraft; one that
fails again is rolled back. Tokens spent on the way, by validators too, stay on the invoice.

Drafts that are made side by side are checked against the set as it stood before any of them, and
then enter it one after the other (`Checked.admit`): which of two copies stays is decided by their
order, never by which answer came first.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from burnish.agents.operations.operation import DifficultyScore, EditOrder, EditResult, Operation
from burnish.agents.validators.validation import ValidationDecision
from burnish.corpora.errors import BudgetExhausted
from burnish.corpora.records import QAItem, Verdict
from burnish.tools.items.checks import Draft, asked, complaints, found_elsewhere
from burnish.tools.items.contamination import TextIndex

BUCKET_SLACK = 1
"""Buckets by which a written item may miss the wanted one: scores of one item are that unsure."""
REPAIR = "repair"


@runtime_checkable
class Redrafting(Protocol):
    """An operation that can try again when told what is wrong."""

    async def redraft(
        self, order: EditOrder, edit: EditResult, complaints: Sequence[str]
    ) -> EditResult:
        """Carry out the order again; the edit is the refused one."""
        ...


@runtime_checkable
class Admitting(Protocol):
    """An operation whose results enter the set one after the other."""

    def admit(self, edit: EditResult) -> tuple[str, ...]:
        """Enter a result, or say why it may not."""
        ...

    async def mend(self, edit: EditResult, complaints: Sequence[str]) -> EditResult:
        """Mend a refused result if it was not mended before, else roll it back."""
        ...


class DifficultyScorer(Protocol):
    """Estimates how hard an item is."""

    async def score(self, item: QAItem, wanted: int) -> DifficultyScore:
        """Return the difficulty of an item that was meant for a bucket, 0 the easiest."""
        ...


JudgeItem = Callable[[QAItem], Awaitable[ValidationDecision]]
EmbedTexts = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Checks:
    """What every draft must pass; each part is optional."""

    own: TextIndex | None = None
    """The set, for duplicates; items admitted are added to it, items removed dropped."""
    foreign: tuple[TextIndex, ...] = ()
    """Evaluation sets that nothing may be taken from."""
    embed: EmbedTexts | None = None
    """Makes the vectors that likeness is told by."""
    scorer: DifficultyScorer | None = None
    judge: JudgeItem | None = None
    """The validators; they see every result that leaves an item in the set."""


@dataclass(frozen=True, slots=True)
class _Finding:
    complaints: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    tokens: int = 0
    scored: DifficultyScore | None = None


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
    def revision(self) -> str:
        """Of the operation; what checks a result has no part in making it."""
        return self.operation.revision

    @property
    def needs_model(self) -> bool:
        """Whether a language model is called by the operation itself."""
        return self.operation.needs_model

    async def apply(self, order: EditOrder) -> EditResult:
        """Carry out the order and check what comes of it.

        Raises:
            BudgetExhausted: a request does not fit the token budget.
            QuotaPaused: the server's quota is used up.
        """
        edit = await self.operation.apply(order)
        if edit.status != "done" or edit.after is None:
            return edit
        finding = await self._find(edit)
        return (
            await self._mended(_with(edit, finding)) if finding.complaints else _with(edit, finding)
        )

    def admit(self, edit: EditResult) -> tuple[str, ...]:
        """Enter a result into the index of the set; say what it repeats of what entered before."""
        own = self.checks.own
        if own is None or edit.status != "done":
            return ()
        if edit.after is not None:
            draft = Draft(edit.after, edit.before)
            found = found_elsewhere(draft, own, (), self._vector(edit.after))
            if found:
                return tuple(f"{one.kind}: {one.message}" for one in found)
        if edit.before is not None:
            own.drop(edit.before.id)
        if edit.after is not None:
            own.add(edit.after.id, asked(edit.after), self._vector(edit.after))
        return ()

    async def mend(self, edit: EditResult, complaints: Sequence[str]) -> EditResult:
        """Mend a result that may not enter, or roll it back where it was mended before.

        Raises:
            QuotaPaused: the server's quota is used up.
        """
        refused = replace(edit, complaints=(*edit.complaints, *complaints))
        return _rolled_back(refused, refused) if edit.attempts > 1 else await self._mended(refused)

    async def _mended(self, refused: EditResult) -> EditResult:
        """Have a refused draft written once more."""
        if not isinstance(self.operation, Redrafting):
            return _rolled_back(refused, refused)
        order = refused.order
        try:
            second = await self.operation.redraft(order, refused, refused.complaints)
        except BudgetExhausted as error:
            return _rolled_back(
                replace(refused, complaints=(*refused.complaints, str(error))), refused
            )
        second = replace(second, tokens=second.tokens + refused.tokens, attempts=2)
        if second.status != "done" or second.after is None:
            return _rolled_back(second, refused)
        finding = await self._find(second)
        told = replace(
            _with(second, finding), complaints=(*refused.complaints, *finding.complaints)
        )
        return _rolled_back(told, told) if finding.complaints else told

    async def _find(self, edit: EditResult) -> _Finding:
        """Check a draft, the cheap checks first; later ones are spared when those complain."""
        item, checks = edit.after, self.checks
        if item is None:
            return _Finding()
        draft = Draft(item, edit.before, key_may_change=edit.order.operation == REPAIR)
        vector = self._vector(item)
        found = complaints(draft) + found_elsewhere(draft, checks.own, checks.foreign, vector)
        if found:
            return _Finding(tuple(f"{one.kind}: {one.message}" for one in found))
        finding = await self._score(edit.order, item)
        if finding.complaints or checks.judge is None:
            return finding
        decision = await checks.judge(item)
        tokens = finding.tokens + sum(verdict.tokens for verdict in decision.verdicts)
        objections = (
            (f"validators reject it: {decision.reason}",) if decision.opinion == "reject" else ()
        )
        return _Finding(objections, decision.verdicts, tokens, finding.scored)

    async def _score(self, order: EditOrder, item: QAItem) -> _Finding:
        if self.checks.scorer is None or order.bucket is None:
            return _Finding()
        scored = await self.checks.scorer.score(item, order.bucket)
        if scored.bucket is None or abs(scored.bucket - order.bucket) <= BUCKET_SLACK:
            return _Finding(tokens=scored.tokens, scored=scored)
        told = f"difficulty: bucket {scored.bucket}, wanted {order.bucket} (0 is the easiest)"
        return _Finding((told,), tokens=scored.tokens, scored=scored)

    def _vector(self, item: QAItem) -> NDArray[np.float32] | None:
        return None if self.checks.embed is None else self.checks.embed([asked(item)])[0]


def _with(edit: EditResult, finding: _Finding) -> EditResult:
    return replace(
        edit,
        complaints=finding.complaints,
        verdicts=finding.verdicts,
        tokens=edit.tokens + finding.tokens,
        scored=finding.scored,
    )


def _rolled_back(edit: EditResult, refused: EditResult) -> EditResult:
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
