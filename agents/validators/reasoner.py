"""The reasoner: a model writes a program, the sandbox runs it, its answer is held against the key.

The model sees the question and never the key. A program that fails goes back once with its error.
With several samples the programs vote (`voting`). Where the data set gives calculations they
are checked too, without any model, as a path of their own (`annotated_steps`). An item that
cannot be computed is an abstention, and so is a failure of a boundary.

After Program of Thoughts (Chen et al. 2022, arXiv:2211.12588) and RefineLab's validator
(arXiv:2511.06530), of which only this outline is public.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from burnish.agents.llm.messages import Message, Model, Reply, Request, Sampling
from burnish.agents.prompting.fencing import fence, list_choices
from burnish.agents.prompting.sections import digest_of, sections
from burnish.agents.prompting.structured import repair_request
from burnish.agents.validators.annotated_steps import check_annotated_steps
from burnish.agents.validators.opinions import join_verdicts
from burnish.agents.validators.validator import boundary_of, stops_run
from burnish.agents.validators.voting import Ballot, vote
from burnish.corpora.errors import (
    BurnishError,
    ReplyError,
    SandboxError,
)
from burnish.corpora.records import Evidence, QAItem, Verdict, digest
from burnish.tools.answers.choices import keyed, unlabelled
from burnish.tools.answers.compare import Comparison, Tolerance
from burnish.tools.answers.judge import Judge, ProgramRunner
from burnish.tools.answers.program_output import found_answer
from burnish.tools.sandbox.results import Execution

PROMPT = Path(__file__).with_name("reasoner.md")
PATH = "program"
NAME = "reasoner"

_BLOCK = re.compile(r"```(?:python|py)?[^\S\n]*\n(.*?)\n?[^\S\n]*```", re.DOTALL | re.IGNORECASE)
_REFUSAL = re.compile(r"^\W*not computable\W*$", re.IGNORECASE | re.MULTILINE)
_PERCENT = re.compile(r"%|\bper ?cent", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class ReasonerConfig:
    """How the model is asked and how its programs are weighed."""

    samples: int = 1
    """Programs asked for; more than one vote."""
    agreeing: int = 2
    """Programs that must agree on another answer for a rejection (all, where fewer are asked)."""
    max_tokens: int = 1024
    """Of one program."""
    temperature: float = 0.0
    """Of a single sample."""
    spread: float = 0.7
    """Temperature where several samples are drawn."""
    tolerance: Tolerance = field(default_factory=Tolerance)
    """How far numbers may lie apart."""


@dataclass(frozen=True, slots=True)
class ProgramTrial:
    """What came of one sample."""

    answer: str | None = None
    failure: str = ""
    """The boundary that failed: model, sandbox or budget."""
    reason: str = ""
    """Why there is no answer."""
    evidence: tuple[Evidence, ...] = ()
    tokens: int = 0
    complaint: str = ""
    """What the model is told so that it can mend its program."""
    reply: Reply | None = None
    """The reply the complaint is about."""


@dataclass(frozen=True, slots=True)
class Reasoner:
    """Checks the keys of items that can be computed.

    Args:
        runner: the sandbox.
        model: who writes the programs; None leaves only the calculations the data set gives.
        config: samples, bounds and tolerance.
    """

    runner: ProgramRunner
    model: Model | None = None
    config: ReasonerConfig = field(default_factory=ReasonerConfig)

    @property
    def name(self) -> str:
        """The name in ledgers and reports."""
        return NAME

    @property
    def revision(self) -> str:
        """Model, and a digest of prompt and settings."""
        model = self.model.name if self.model is not None else "no model"
        return f"{model} {digest_of(sections(PROMPT)['task'], repr(self.config))}"

    async def check(self, item: QAItem) -> Verdict:
        """Return the opinion on the keyed answer, from every path there is for the item."""
        place = keyed(item.answer, item.choices) if item.choices else None
        value = None if place is None else unlabelled(item.choices)[place]
        verdicts = [verdict] if (verdict := check_annotated_steps(item, value)) is not None else []
        if self.model is not None:
            verdicts.append(await self._programs(item, self.model))
        if not verdicts:
            return Verdict(NAME, "abstain", 0.0, "no model, and no calculations to check")
        return join_verdicts(NAME, verdicts)

    def request(self, item: QAItem, sample: int = 0) -> Request:
        """Return the question about an item; the key is no part of it."""
        several = self.config.samples > 1
        sampling = Sampling(
            max_tokens=self.config.max_tokens,
            temperature=self.config.spread if several else self.config.temperature,
            seed=sample if several else None,
        )
        messages = (
            Message("system", sections(PROMPT)["task"]),
            Message("user", fenced_question(item)),
        )
        return Request(messages, sampling, task=NAME, sample=sample)

    async def _programs(self, item: QAItem, model: Model) -> Verdict:
        wanted = range(max(1, self.config.samples))
        trials = await asyncio.gather(*(self._trial(item, model, place) for place in wanted))
        evidence = tuple(piece for trial in trials for piece in trial.evidence)
        tokens = sum(trial.tokens for trial in trials)
        answers = [trial.answer for trial in trials]
        if not any(answers):
            failure = next((trial.failure for trial in trials if trial.failure), "")
            reason = next((trial.reason for trial in trials if trial.reason), "")
            return Verdict(NAME, "abstain", 0.0, reason, None, tokens, failure, (), evidence)
        judge = Judge(self.runner, self.config.tolerance)
        try:
            ballots, compared = await _ballots(judge, answers, item)
            groups = await _groups(judge, answers)
        except SandboxError as error:
            return Verdict(NAME, "abstain", 0.0, str(error), None, tokens, "sandbox", (), evidence)
        found = vote(ballots, groups, agreeing=self.config.agreeing)
        paths = () if found.opinion == "abstain" else (PATH,)
        return Verdict(
            NAME, found.opinion, found.confidence, found.reason, found.found,
            tokens, paths=paths, evidence=evidence + compared,
        )  # fmt: skip

    async def _trial(self, item: QAItem, model: Model, sample: int) -> ProgramTrial:
        """Get one program's answer, with one repair turn; a boundary's failure is a trial too."""
        request = self.request(item, sample)
        first = await self._round(model, request)
        if first.reply is None or not first.complaint:
            return first
        request = repair_request(request, first.reply, first.complaint)
        second = await self._round(model, request)
        reason = second.reason
        if not second.answer and second.complaint:
            reason = f"no usable program: {second.complaint}"
        elif second.failure:
            reason = f"no usable program: {first.complaint}; no repair: {second.reason}"
        return replace(
            second,
            reason=reason,
            evidence=first.evidence + second.evidence,
            tokens=first.tokens + second.tokens,
        )

    async def _round(self, model: Model, request: Request) -> ProgramTrial:
        """Ask once and run the program, if there is one."""
        tokens = 0
        try:
            reply = await model.ask(request)
            tokens = reply.tokens
            if reply.fault in {"truncated", "refused"}:
                return ProgramTrial(None, "model", f"the reply is {reply.fault}", tokens=tokens)
            try:
                program = find_program(reply)
            except ReplyError as error:
                return ProgramTrial(complaint=str(error), reply=reply, tokens=tokens)
            if program is None:
                return ProgramTrial(
                    None, "", "the model calls the item not computable", tokens=tokens
                )
            result = await self.runner.run_async(program)
        except BurnishError as error:
            if stops_run(error):
                raise
            return ProgramTrial(None, boundary_of(error), str(error), tokens=tokens)
        evidence = _evidence(program, result)
        if result.outcome != "finished":
            return ProgramTrial(
                evidence=evidence, tokens=tokens, complaint=_told(result), reply=reply
            )
        answer = found_answer(result)
        reason = "" if answer else "the program ended without an answer"
        return ProgramTrial(answer, "", reason, evidence, tokens)


def fenced_question(item: QAItem) -> str:
    """Return what the user turn says of an item: fenced, without key and rationale."""
    parts = [f"Context:\n{item.context}"] if item.context else []
    parts += [f"Earlier turn {number}:\n{turn}" for number, turn in enumerate(item.turns, 1)]
    parts.append(f"Question:\n{item.question}")
    if item.choices:
        parts.append(list_choices(item.choices))
    return fence("item", "\n\n".join(parts))


def find_program(reply: Reply) -> str | None:
    """Return the program of a reply; None where the model says that there can be none.

    Raises:
        ReplyError: neither a program nor that line is there.
    """
    blocks = _BLOCK.findall(reply.content)
    if blocks:
        return blocks[-1]
    if _REFUSAL.search(reply.content):
        return None
    raise ReplyError("no_program", "it holds no program between ```python and ```")


async def _ballots(
    judge: Judge, answers: Sequence[str | None], item: QAItem
) -> tuple[list[Ballot], tuple[Evidence, ...]]:
    ballots: list[Ballot] = []
    evidence: list[Evidence] = []
    for place, answer in enumerate(answers):
        if answer is None:
            ballots.append(Ballot(None, "unclear"))
            continue
        found = await judge.against_key(answer, item.answer, item.choices)
        if found.relation == "different" and await _in_percent(judge, answer, item):
            found = Comparison("unclear", "a share where the other is in percent")
        ballots.append(Ballot(answer, found.relation))
        words = f"found {answer}, keyed {item.answer}: {found.relation} ({found.ground})"
        evidence.append(Evidence("comparison", f"sample {place}", words))
    return ballots, tuple(evidence)


async def _in_percent(judge: Judge, answer: str, item: QAItem) -> bool:
    """Say whether an answer to a question about percent is the key times or by 100."""
    if item.choices or _PERCENT.search(item.question) is None:
        return False
    pairs = ((answer, f"{item.answer}%"), (f"{answer}%", item.answer))
    return any([(await judge.compare(*pair)).same for pair in pairs])


async def _groups(judge: Judge, answers: Sequence[str | None]) -> list[list[int]]:
    """Put equal answers together; each joins the first group whose first answer it equals."""
    groups: list[list[int]] = []
    for place, answer in enumerate(answers):
        if answer is None:
            continue
        for group in groups:
            first = answers[group[0]]
            if first is not None and (await judge.compare(first, answer)).same:
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


def _evidence(program: str, result: Execution) -> tuple[Evidence, ...]:
    source = digest(program)[:16]
    printed = _CONTROL.sub(" ", result.stdout)[:500]
    value = result.value.text[:500] if result.value is not None else ""
    words = f"{result.outcome} {result.error}".strip()
    output = "; ".join(
        part
        for part in (words, value and f"value {value}", printed and f"printed {printed}")
        if part
    )
    return (Evidence("program", source, program), Evidence("program", f"{source} output", output))


def _told(result: Execution) -> str:
    """Say to the model how its program ended; the program's own words are cut and cleaned."""
    where = f" on line {result.line}" if result.line is not None else ""
    message = _CONTROL.sub(" ", result.message)[:300]
    kind = f" ({result.error})" if result.error else ""
    words = f"the program ended as {result.outcome}{kind}{where}"
    return f"{words}: {message}" if message else words
