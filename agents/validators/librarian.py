"""The librarian: looks an item up in an index of passages and says what they make of its key.

A model judges the passages: support, contradict or not found, with the passages it rests on and
the words it quotes from them, both of which are checked. Without a model a scorer takes its place,
which can only accept: it looks for a sentence near the question that holds the key, abstains where
it is not sure, and never rejects, since a key that was not found may be right all the same.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from burnish.agents.llm.messages import Message, Model, Reply, Request, Sampling
from burnish.agents.prompting.fencing import fence, fence_code, list_choices
from burnish.agents.prompting.output_schemas import form_schema
from burnish.agents.prompting.sections import digest_of, sections
from burnish.agents.prompting.structured import Metered, ask_parsed, json_reader
from burnish.agents.validators.validator import boundary_of, stops_run
from burnish.corpora.errors import (
    BurnishError,
    ReplyError,
)
from burnish.corpora.records import Evidence, Opinion, QAItem, Verdict
from burnish.corpora.wikipedia.passages import Passage
from burnish.tools.answers.choices import keyed, unlabelled
from burnish.tools.retrieval.answer_support import Support, mentions, supports
from burnish.tools.retrieval.embedder import Embedder
from burnish.tools.retrieval.hybrid_index import SearchHit

NAME = "librarian"
PATH = "retrieval"
PROMPT = Path(__file__).with_name("librarian.md")


class PassageFinder(Protocol):
    """Whoever finds passages: normally a `WikiIndex`."""

    def search(self, question: str, k: int = 5) -> list[SearchHit]:
        """Return up to k passages, best first."""
        ...


@dataclass(frozen=True, slots=True)
class LibrarianConfig:
    """How much is looked up and when it is believed."""

    passages: int = 6
    """Shown to the judge, or scored."""
    rivals: int = 5
    """Choices, besides the key, that are looked up too."""
    max_tokens: int = 512
    """Of the judge's answer."""
    temperature: float = 0.0
    ceiling: float = 0.9
    """The most confidence that one judge's word is given."""
    threshold: float = 0.62
    """Cosine from which a sentence that holds the key supports it; see `eval.retrieval`."""
    margin: float = 0.05
    """By how much the key must be better supported than any other choice."""
    precision: float = 0.9
    """Confidence of an acceptance by the scorer: its precision on questions kept aside."""


class PassageJudgement(BaseModel):
    """What the judge answers."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["support", "contradict", "not_found"]
    passages: list[Annotated[int, Field(json_schema_extra={"minimum": 1, "maximum": 99})]] = Field(
        json_schema_extra={"maxItems": 20}
    )
    """Bounds stand in the schema alone: what breaks them is told in words of its own."""
    quote: str = Field(max_length=2_000)
    answer: str = Field(max_length=500)
    certainty: float = Field(json_schema_extra={"minimum": 0, "maximum": 1})


_FINDING = TypeAdapter(PassageJudgement)
_OPINIONS: dict[str, Opinion] = {
    "support": "accept", "contradict": "reject", "not_found": "abstain",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Librarian:
    """Checks the keys of items that an encyclopaedia may settle.

    Args:
        finder: the index of passages.
        embedder: for the scorer; None leaves no opinion where there is no model.
        model: the judge; None: the scorer.
        config: how much is looked up and when it is believed.
    """

    finder: PassageFinder
    embedder: Embedder | None = None
    model: Model | None = None
    config: LibrarianConfig = field(default_factory=LibrarianConfig)

    @property
    def name(self) -> str:
        """The name in ledgers and reports."""
        return NAME

    @property
    def revision(self) -> str:
        """Judge, and a digest of prompt and settings."""
        judge = self.model.name if self.model is not None else "scorer"
        return f"{judge} {digest_of(sections(PROMPT)['task'], repr(self.config))}"

    async def check(self, item: QAItem) -> Verdict:
        """Return the opinion on the keyed answer; an abstention where a boundary failed."""
        key = claimed_answer(item)
        if not item.question.strip() or not key.strip():
            return _abstention("the item has no question or no key to look up")
        try:
            found = await asyncio.to_thread(self.look_up, item, key)
        except BurnishError as error:
            return _abstention(str(error), failure="index")
        if not found:
            return _abstention("no passage was found")
        if self.model is not None:
            return await self._judged(item, key, found, self.model)
        if self.embedder is None:
            return _abstention("no model to judge the passages, and no embedder to score them")
        return await asyncio.to_thread(self._scored, item, key, found, self.embedder)

    def look_up(self, item: QAItem, key: str) -> list[Passage]:
        """Search for the question, with the key and with each other choice; join the rankings.

        Raises:
            SourceError: the index is damaged.
        """
        others = [choice for choice in unlabelled(item.choices) if choice != key][
            : self.config.rivals
        ]
        asked = [item.question, *(f"{item.question} {answer}" for answer in (key, *others))]
        scores: dict[str, float] = {}
        passages: dict[str, Passage] = {}
        for place, query in enumerate(asked):
            # What was asked counts as much as all its answers together.
            weight = 1.0 if place == 0 else 1.0 / (len(asked) - 1)
            for hit in self.finder.search(query, 2 * self.config.passages):
                name = hit.passage.id
                passages[name] = hit.passage
                scores[name] = scores.get(name, 0.0) + weight / (10 + hit.rank)
        best = sorted(scores, key=lambda name: (-scores[name], name))
        return [passages[name] for name in best[: self.config.passages]]

    def request(self, item: QAItem, key: str, found: Sequence[Passage]) -> Request:
        """Return the question to the judge."""
        return Request(
            (
                Message("system", sections(PROMPT)["task"]),
                Message("user", fenced_claim(item, key, found)),
            ),
            Sampling(max_tokens=self.config.max_tokens, temperature=self.config.temperature),
            schema=form_schema(PassageJudgement),
            task=NAME,
        )

    async def _judged(
        self, item: QAItem, key: str, found: Sequence[Passage], model: Model
    ) -> Verdict:
        def read(reply: Reply) -> PassageJudgement:
            return check_finding(json_reader(_FINDING)(reply), found)

        metered = Metered(model)
        try:
            finding = await ask_parsed(metered, self.request(item, key, found), read)
        except BurnishError as error:
            if stops_run(error):
                raise
            return _abstention(str(error), failure=boundary_of(error), tokens=metered.tokens)
        tokens = metered.tokens
        cited = [found[number - 1] for number in dict.fromkeys(finding.passages)]
        evidence = tuple(Evidence("passage", one.id, one.text) for one in cited)
        if finding.quote:
            evidence += (Evidence("judgement", model.name, finding.quote),)
        opinion = _OPINIONS[finding.verdict]
        if opinion == "abstain":
            return Verdict(
                NAME, opinion, 0.0, "the passages do not settle it", evidence=evidence,
                tokens=tokens,
            )  # fmt: skip
        names = ", ".join(one.id for one in cited)
        confidence = min(max(finding.certainty, 0.0), self.config.ceiling)
        word = "support" if opinion == "accept" else "contradict"
        return Verdict(
            NAME, opinion, confidence, f"{names} {word} the key",
            key if opinion == "accept" else finding.answer, tokens, paths=(PATH,),
            evidence=evidence,
        )  # fmt: skip

    def _scored(
        self, item: QAItem, key: str, found: Sequence[Passage], embedder: Embedder
    ) -> Verdict:
        rivals = [choice for choice in unlabelled(item.choices) if choice != key]
        own, *others = supports(item.question, [key, *rivals], found, embedder)
        best = max((other.score for other in others), default=0.0)
        return weigh_support(own, best, key, self.config)


def weigh_support(own: Support, rival: float, key: str, config: LibrarianConfig) -> Verdict:
    """Accept a key that a near sentence holds and no other choice comes near to, else abstain."""
    if own.sentence is None:
        return _abstention("no sentence found holds the key")
    evidence = (Evidence("passage", own.sentence.passage, own.sentence.text),)
    if own.score < config.threshold or own.score < rival + config.margin:
        doubt = "is too far from the question"
        if own.score >= config.threshold:
            doubt = "supports another choice nearly as well"
        return Verdict(NAME, "abstain", 0.0, f"what holds the key {doubt}", evidence=evidence)
    reason = f"a sentence near the question (cosine {own.score:.2f}) holds the key"
    return Verdict(NAME, "accept", config.precision, reason, key, paths=(PATH,), evidence=evidence)


def check_finding(finding: PassageJudgement, found: Sequence[Passage]) -> PassageJudgement:
    """Refuse a finding that rests on nothing that was shown.

    Raises:
        ReplyError: it cites what was not shown, quotes what nobody wrote, or lacks either.
    """
    if any(not 1 <= number <= len(found) for number in finding.passages):
        raise ReplyError("unknown_passage", f"the passages are numbered 1 to {len(found)}")
    if finding.verdict == "not_found":
        return finding
    if not finding.passages:
        raise ReplyError("no_passage", f"a verdict of {finding.verdict} must cite a passage")
    cited = [found[number - 1] for number in finding.passages]
    quoted = any(mentions(finding.quote, f"{one.title} {one.section} {one.text}") for one in cited)
    if not quoted:
        raise ReplyError("no_quote", "`quote` must be copied word for word from a cited passage")
    if finding.verdict == "contradict" and not finding.answer.strip():
        raise ReplyError("no_answer", "`answer` must say what the passages say instead")
    return finding


def claimed_answer(item: QAItem) -> str:
    """Return the keyed answer in words: those of the choice it names, where there are choices."""
    place = keyed(item.answer, item.choices) if item.choices else None
    return item.answer if place is None else unlabelled(item.choices)[place]


def fenced_claim(item: QAItem, key: str, found: Sequence[Passage]) -> str:
    """Return what the user turn says; nothing in item or passages can pose as a fence."""
    parts = [f"Question:\n{item.question}"]
    if item.choices:
        parts.append(list_choices(item.choices))
    parts.append(f"Keyed answer:\n{key}")
    words = "\n\n".join(parts)
    texts = [
        " - ".join(part for part in (one.title, one.section) if part) + f"\n{one.text}"
        for one in found
    ]
    code = fence_code(words + "\n".join(texts))
    pages = [fence(f"passage {number}", text, code) for number, text in enumerate(texts, 1)]
    return "\n".join([fence("item", words, code), *pages])


def _abstention(reason: str, *, failure: str = "", tokens: int = 0) -> Verdict:
    return Verdict(NAME, "abstain", 0.0, reason, tokens=tokens, failure=failure)
