"""The validation node: sends an item to the validators of its kind and weighs what they say.

Single validations are weak (on MMLU-Redux the best recorded language model reaches F1 .44), so a
rejection alone changes nothing: a key may be edited only where two independent paths, say a program
and the data set's own calculations, agree on the same other answer and nothing speaks for the key.
Everything else that is rejected or unsure goes to people.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from burnish.agents.validators.opinions import are_alike, join_confidences
from burnish.agents.validators.validator import Validator
from burnish.corpora.records import Evidence, Opinion, QAItem, Verdict
from burnish.tools.items.kinds import Kind, kind_of


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """When a decision is sure enough to stand without a person."""

    enough: float = 0.6
    """Confidence below which an opinion goes to the review queue."""
    paths_to_edit: int = 2
    """Independent paths that must agree on another answer before a key may be edited."""
    review_abstentions: bool = True
    """Whether what no validator could judge is queued too."""


@dataclass(frozen=True, slots=True)
class ValidationDecision:
    """What the validators together say of an item."""

    opinion: Opinion
    confidence: float
    reason: str
    evidence: tuple[Evidence, ...]
    may_edit_key: bool
    to_review: bool
    answer: str | None = None
    """The other answer that paths agree on, where the opinion is a rejection."""
    verdicts: tuple[Verdict, ...] = ()
    """What it was made from, abstentions included."""
    kind: Kind = "unsure"
    """What kind of item it was taken for."""

    @property
    def tokens(self) -> int:
        """Model tokens spent."""
        return sum(verdict.tokens for verdict in self.verdicts)


def combine(verdicts: Sequence[Verdict], policy: ReviewPolicy | None = None) -> ValidationDecision:
    """Weigh verdicts: abstentions count for nothing, a conflict is an abstention to be reviewed.

    The order of the verdicts plays no part but in the order of the evidence.
    """
    policy = policy or ReviewPolicy()
    accepts = [verdict for verdict in verdicts if verdict.opinion == "accept"]
    rejects = [verdict for verdict in verdicts if verdict.opinion == "reject"]
    evidence = tuple(piece for verdict in verdicts for piece in verdict.evidence)
    told = tuple(verdicts)
    if accepts and rejects:
        return ValidationDecision(
            "abstain", 0.0, "validators contradict each other", evidence,
            may_edit_key=False, to_review=True, verdicts=told,
        )  # fmt: skip
    if not accepts and not rejects:
        reason = "; ".join(sorted({v.reason for v in verdicts if v.reason})) or "nobody could tell"
        return ValidationDecision(
            "abstain", 0.0, reason, evidence,
            may_edit_key=False, to_review=policy.review_abstentions, verdicts=told,
        )  # fmt: skip
    confidence = join_confidences([verdict.confidence for verdict in accepts or rejects])
    reason = "; ".join(sorted({verdict.reason for verdict in accepts or rejects}))
    weak = confidence < policy.enough
    answer, agreeing = _agreed(rejects)
    sure = agreeing >= policy.paths_to_edit and agreeing > 1
    return ValidationDecision(
        "accept" if accepts else "reject", confidence, reason, evidence,
        may_edit_key=sure, to_review=weak or not (accepts or sure),
        answer=answer if sure else None, verdicts=told,
    )  # fmt: skip


def _agreed(rejects: Sequence[Verdict]) -> tuple[str | None, int]:
    """Return the other answer that paths lead to, and how many do; none where they differ."""
    found = sorted({verdict.found for verdict in rejects if verdict.found is not None})
    if not are_alike(found):
        return None, 0
    finders = [verdict for verdict in rejects if verdict.found is not None]
    return found[0], len({path for one in finders for path in one.paths or (one.validator,)})


@dataclass(frozen=True, slots=True)
class Validation:
    """Routes items to validators and combines their verdicts.

    Args:
        computable: validators for what can be computed; normally the reasoner.
        factual: validators for what can be looked up; normally the librarian.
        policy: when a decision stands without a person.
        general: validators for every item, whatever its kind; those of third parties.
    """

    computable: tuple[Validator, ...] = ()
    factual: tuple[Validator, ...] = ()
    policy: ReviewPolicy = field(default_factory=ReviewPolicy)
    general: tuple[Validator, ...] = ()

    def route(self, item: QAItem) -> tuple[Validator, ...]:
        """Return who is asked: the validators of the item's kind, all of them when unsure."""
        kind = kind_of(item)
        if kind == "computable" and self.computable:
            return self.computable + self.general
        if kind == "factual" and self.factual:
            return self.factual + self.general
        return self.computable + self.factual + self.general

    async def decide(self, item: QAItem) -> ValidationDecision:
        """Ask the validators of an item's kind, all at once, and weigh their verdicts."""
        verdicts = await asyncio.gather(*(one.check(item) for one in self.route(item)))
        return replace(combine(verdicts, self.policy), kind=kind_of(item))
