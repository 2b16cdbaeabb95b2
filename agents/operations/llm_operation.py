"""Operations on questions that a language model carries out.

Each is an `EditTask`: what the model is told, the form it answers in, and how an answer becomes an
item. Model and set are asked for nothing else: what a form has no field for cannot change, so an
answer can no more alter a key than a question can give orders (`Repair` alone has one, and checks
it).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from pydantic import TypeAdapter

from burnish.agents.llm.messages import Message, Model, Reply, Request, Sampling
from burnish.agents.operations.few_shot import AcceptedCorrection, choose_examples, fenced_examples
from burnish.agents.operations.item_schemas import Form
from burnish.agents.operations.operation import EditOrder, EditResult
from burnish.agents.prompting.output_schemas import form_schema
from burnish.agents.prompting.sections import digest_of, sections
from burnish.agents.prompting.structured import Metered, ReplyReader, ask_parsed, json_reader
from burnish.corpora.errors import STOPPING, BudgetExhausted, ModelError, ReplyError
from burnish.corpora.records import QAItem, Verdict
from burnish.corpora.wikipedia.passages import Passage

F = TypeVar("F", bound=Form)
PROMPTS = Path(__file__).with_name("item_writer.md")


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """How a writing model is asked; everything here decides what it answers."""

    temperature: float = 0.7
    """Writing needs variety; the seed of the order makes it repeatable where servers allow."""
    max_tokens: int = 1500
    """Of one answer."""
    examples: int = 3
    """Most accepted corrections shown."""


class TaskPrompt(NamedTuple):
    """What a model is told about one order."""

    words: str
    """The user turn: what is wanted, and the fenced material."""
    tokens: int = 0
    """Spent on finding it out."""
    verdicts: tuple[Verdict, ...] = ()
    follows: QAItem | None = None
    """The item a new one is modelled on."""
    passages: tuple[Passage, ...] = ()
    """What a new item may cite."""
    agreed: str = ""
    """The answer that a repair must arrive at."""


class EditTask(Protocol[F]):
    """One operation as a model sees it."""

    @property
    def name(self) -> str:
        """Name of the operation and of its section in the prompts."""
        ...

    @property
    def form(self) -> type[F]:
        """What the model answers in."""
        ...

    async def prepare(self, order: EditOrder) -> TaskPrompt | EditResult:
        """Gather what the model is told, or say what comes of the order without it."""
        ...

    def draft(self, order: EditOrder, prompt: TaskPrompt, answer: F) -> QAItem:
        """Make the item that an answer amounts to.

        Raises:
            ReplyError: the answer cannot be used, in words fit for the model.
        """
        ...


@dataclass(frozen=True, slots=True)
class LlmOperation(Generic[F]):
    """An operation whose task a model does; asked again, it is told what was wrong."""

    task: EditTask[F]
    model: Model
    config: WriterConfig = field(default_factory=WriterConfig)
    examples: tuple[AcceptedCorrection, ...] = ()
    """Corrections that people accepted."""

    @property
    def name(self) -> str:
        """The operation's name in plans, ledgers and invoices."""
        return self.task.name

    @property
    def needs_model(self) -> bool:
        """Whether a language model is called."""
        return True

    @property
    def revision(self) -> str:
        """Model, and a digest of prompt, form and settings (temperature among them)."""
        schema = repr(form_schema(self.task.form))
        shots = fenced_examples(self.examples)
        return f"{self.model.name} {digest_of(self.system(), schema, shots, repr(self.config))}"

    def system(self, shown: Sequence[AcceptedCorrection] = ()) -> str:
        """Return the system turn."""
        parts = sections(PROMPTS)
        words = [parts["house"], parts[self.task.name]]
        if shown:
            words += [f"{parts['examples']}\n{fenced_examples(shown)}"]
        return "\n\n".join(words)

    async def apply(self, order: EditOrder) -> EditResult:
        """Carry out the order.

        Raises:
            BudgetExhausted: the first request does not fit the token budget.
            QuotaPaused: the server's quota is used up.
            ModelError: the server cannot be used at all.
        """
        return await self._carry_out(order, ())

    async def redraft(
        self, order: EditOrder, edit: EditResult, complaints: Sequence[str]
    ) -> EditResult:
        """Carry out the order again, told what was wrong with the refused edit.

        Raises:
            BudgetExhausted: a request does not fit the token budget.
            QuotaPaused: the server's quota is used up.
        """
        refusal = "An earlier answer of yours was sent back:\n"
        refusal += "\n".join(f"- {one}" for one in complaints)
        if edit.after is not None and edit.after != edit.before:
            refusal += f"\nIts question began: {edit.after.question[:200]!r}"
        return await self._carry_out(order, (refusal, "Answer anew, completely."))

    async def _carry_out(self, order: EditOrder, more: Sequence[str]) -> EditResult:
        prompt = await self.task.prepare(order)
        if isinstance(prompt, EditResult):
            return prompt
        metered = Metered(self.model)
        request = self.request(order, "\n\n".join([prompt.words, *more]))
        try:
            draft = await ask_parsed(metered, request, self._reading(order, prompt))
        except (ModelError, ReplyError, BudgetExhausted) as error:
            if isinstance(error, ModelError) and error.kind in STOPPING:
                raise
            if isinstance(error, BudgetExhausted) and not prompt.tokens + metered.tokens:
                raise
            tokens = prompt.tokens + metered.tokens
            return order.fail(_reason(error), tokens=tokens, verdicts=prompt.verdicts)
        how = f"temperature {self.config.temperature:g}, seed {order.seed}"
        reason = f"written by {self.model.name} ({how})"
        tokens = prompt.tokens + metered.tokens
        return order.finish(draft, reason, tokens=tokens, verdicts=prompt.verdicts)

    def request(self, order: EditOrder, words: str) -> Request:
        """Return the question to the model."""
        own = "" if order.item is None else order.item.id
        shown = choose_examples(self.examples, self.name, self.config.examples, apart_from=own)
        return Request(
            (Message("system", self.system(shown)), Message("user", words)),
            Sampling(
                max_tokens=self.config.max_tokens,
                temperature=self.config.temperature,
                seed=order.seed,
            ),
            schema=form_schema(self.task.form),
            task=self.name,
            sample=order.seed,
        )

    def _reading(self, order: EditOrder, prompt: TaskPrompt) -> ReplyReader[QAItem]:
        read = json_reader(TypeAdapter[F](self.task.form))

        def draft(reply: Reply) -> QAItem:
            return self.task.draft(order, prompt, read(reply))

        return draft


def _reason(error: ModelError | ReplyError | BudgetExhausted) -> str:
    if isinstance(error, ModelError):
        return f"the model failed ({error.kind}): {error}"
    return f"no usable draft: {error}"


def with_rewritten_texts(item: QAItem, *, rationale: str = "", turns: Sequence[str] = ()) -> QAItem:
    """Return an item with a new rationale and turns, as far as it has such.

    Raises:
        ReplyError: a rationale or a turn is missing, or the turns are not as many as before.
    """
    if len(turns) != len(item.turns) and item.turns:
        raise ReplyError("turns", f"turns: give {len(item.turns)}, in their order")
    if item.turns:
        item = replace(item, turns=tuple(turns))
    if item.rationale:
        if not rationale.strip():
            raise ReplyError("rationale", "rationale: give one that arrives at the answer")
        item = replace(item, rationale=rationale)
    return item
