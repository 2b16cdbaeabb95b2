"""The served refiner: a language model that calls the deletion API over numbered lines.

It stands behind an OpenAI-compatible server and sees a window of the document at a time. Three ways
to answer: `one_shot` (one JSON object, held to a schema; works on every server), `tools` (forced
tool calls, all in one turn) and `agentic` (several turns, in which the model sees what its calls
removed). Whatever a model says, and whatever a document says to it, all that can come of it is a
program of deletions that is resolved, guarded and certified like any other.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from burnish.agents.llm.messages import Message, Model, Request, Sampling
from burnish.agents.prompting.fencing import NumberedText, fence_window
from burnish.agents.prompting.output_schemas import Mode, answer_schema, tools_of
from burnish.agents.prompting.sections import digest_of, sections
from burnish.agents.refiners.conversation import (
    Conversation,
    ConversationLimits,
    failed,
    name_failures,
    with_reply,
)
from burnish.agents.refiners.refiner import Attempt
from burnish.agents.refiners.window_merge import merge_windows
from burnish.corpora.errors import STOPPING, ModelError, RefinerError, ReplyError
from burnish.corpora.records import Document
from burnish.tools.deletion.lines import Window, windows
from burnish.tools.deletion.notation import to_json
from burnish.tools.deletion.program import Program, RemoveLines, RemoveStr, resolve

_TURNS: dict[Mode, int] = {"one_shot": 2, "tools": 2, "agentic": 6}


@dataclass(frozen=True, slots=True)
class ServedConfig:
    """How a model is asked; everything here decides what it answers."""

    mode: Mode = "one_shot"
    max_tokens: int = 1024
    """Of one answer."""
    temperature: float = 0.0
    window_chars: int = 12_000
    """Most characters of a document shown at once."""
    overlap: float = 0.2
    """Share of a window that repeats the one before as context."""
    turns: int | None = None
    """Answers in one conversation; none: two (one repair), six when agentic."""
    conversation_tokens: int = 32_000
    """No further turn of a conversation after so many tokens, in and out."""
    strict: bool = True
    """Whether tools are marked as strict, which vLLM needs to hold a model to their arguments."""

    @property
    def most_turns(self) -> int:
        """Answers in one conversation at most."""
        return self.turns or _TURNS[self.mode]


Drive = Callable[["ServedRefiner", Document, Sequence[Attempt]], Awaitable[Program]]
"""Takes the steps of a `ServedRefiner` in turn; burnish's own is a graph
(`conversation_graph.converse`)."""


PROMPT = Path(__file__).with_name("refine.md")
"""The prompt under which a served model is asked, and trained."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is the same in every question of a mode."""

    system: str
    schema: dict[str, object] | None
    tools: tuple[dict[str, object], ...]

    @classmethod
    def of(cls, config: ServedConfig) -> "Prompt":
        """Read the prompt and make the forms of a mode."""
        parts = sections(PROMPT)
        system = "\n\n".join(parts[name] for name in ("task", "calls", config.mode))
        if config.mode == "one_shot":
            return cls(system, answer_schema(), ())
        return cls(system, None, tools_of(config.mode, strict=config.strict))


@dataclass(frozen=True, slots=True)
class ServedRefiner:
    """Asks a model about each window of a document and joins what it says into one program."""

    model: Model
    drive: Drive
    config: ServedConfig = ServedConfig()
    weights: str = ""
    """Digest or version of the model's weights, where known."""
    name: str = "served"
    prompt: Prompt = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", Prompt.of(self.config))

    @property
    def revision(self) -> str:
        """Model, mode and a digest of prompt, forms and settings."""
        return revision_of(self.config, self.model.name, self.weights)

    async def propose_one(self, document: Document, attempts: Sequence[Attempt]) -> Program:
        """Hold the conversations over all windows and join their programs.

        Raises:
            ReplyError: no window got an answer that is a program.
            RefinerError: no window got a reply.
            ModelError: the server cannot be used at all.
            BudgetExhausted: the token budget does not allow another request.
            QuotaPaused: the server's quota is used up.
        """
        return await self.drive(self, document, attempts)

    def begin(self, page: NumberedText, attempts: Sequence[Attempt]) -> list[Conversation]:
        """Open a conversation for each window; one that earlier complaints spare is closed."""
        config = self.config
        found = windows(page.lines, config.window_chars, config.overlap)
        return [self._opened(page, window, attempts) for window in found]

    def _opened(
        self, page: NumberedText, window: Window, attempts: Sequence[Attempt]
    ) -> Conversation:
        words = fence_window(page, window)
        if attempts:
            words += f"\n{_objection(attempts[-1], page, window)}"
        messages = (Message("system", self.prompt.system), Message("user", words))
        turns = max(1, self.config.most_turns - len(attempts))
        return Conversation(
            window,
            messages,
            ConversationLimits(self.config.mode, turns, self.config.conversation_tokens),
        )

    def request(self, conversation: Conversation) -> Request:
        """Return what is sent next in a conversation."""
        return Request(
            conversation.messages,
            Sampling(max_tokens=self.config.max_tokens, temperature=self.config.temperature),
            tools=self.prompt.tools,
            tool_choice="required" if self.prompt.tools else None,
            schema=self.prompt.schema,
            task="refine",
        )

    async def ask(self, conversation: Conversation) -> Conversation:
        """Ask the model once; a failure that concerns this document ends the conversation.

        Raises:
            ModelError: the server cannot be used at all.
            BudgetExhausted: the token budget does not allow another request.
            QuotaPaused: the server's quota is used up.
        """
        try:
            reply = await self.model.ask(self.request(conversation))
        except ModelError as error:
            if error.kind in STOPPING:
                raise
            return failed(conversation, error.kind)
        return with_reply(conversation, reply)

    def finish(self, page: NumberedText, held: Sequence[Conversation]) -> Program:
        """Join the programs of all windows.

        Raises:
            ReplyError: every window failed, and a reply was unusable.
            RefinerError: no window got a reply.
        """
        if not all(conversation.failure for conversation in held):
            return merge_windows(held, page)
        unusable = next((conversation for conversation in held if not conversation.silent), None)
        if unusable is None:
            raise RefinerError(f"no reply from {self.model.name}: {name_failures(held)}")
        raise ReplyError(unusable.failure, f"The answer cannot be used: {name_failures(held)}.")


def revision_of(config: ServedConfig, model: str, weights: str = "") -> str:
    """Return what decides the answers, short: model, mode, digest of prompt, forms and settings."""
    prompt = Prompt.of(config)
    digest = digest_of(prompt.system, repr(prompt.schema), repr(prompt.tools), repr(config))
    return " ".join(part for part in (model, weights, config.mode, digest) if part)


def _objection(attempt: Attempt, page: NumberedText, window: Window) -> str:
    """Say what came of an earlier answer; its calls are shown as far as they act on this window."""
    said = " ".join(attempt.complaints)
    if attempt.program is None:
        return f"An earlier answer could not be used. {said} Answer with few, wide calls."
    own = Program(
        tuple(
            call
            for call in resolve(attempt.program, page.text, page.lines).accepted
            if not isinstance(call, RemoveLines | RemoveStr) or _first(call) >= window.acts_from
            if not isinstance(call, RemoveLines | RemoveStr) or _first(call) <= window.last
        )
    )
    return f"An earlier answer was sent back: {to_json(own)}\nWhat is wrong: {said}"


def _first(call: RemoveLines | RemoveStr) -> int:
    return call.start if isinstance(call, RemoveLines) else call.line
