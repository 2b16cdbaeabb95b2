"""The expert: a large model that returns a document without its noise, window by window.

Its words are never used: what it returns is aligned with the document, and only deletions that can
be proved to be deletions go on (`tools.distill`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from burnish.agents.llm.messages import Message, Model, Reply, Request, Sampling
from burnish.agents.prompting.fencing import fence, fence_code
from burnish.agents.prompting.sections import digest_of, sections
from burnish.agents.prompting.structured import ask_parsed
from burnish.corpora.errors import ReplyError, UsageError
from burnish.tools.deletion.lines import Lines, Window, windows

PROMPTS = Path(__file__).with_name("expert.md")

_ANSWER = re.compile(r"<document>[^\S\n]*\n?(.*?)\n?[^\S\n]*</document>\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ExpertConfig:
    """How the expert is asked; everything here decides what it answers."""

    window_chars: int = 12_000
    """Most characters of a document shown at once (RefineX: 12,000)."""
    overlap: float = 0.2
    """Share of a window that repeats the one before; what is deleted there is not taken."""
    temperature: float = 0.0
    top_p: float = 0.8
    """As RefineX sets it."""
    chars_per_token: float = 2.0
    """So many characters of a window grant one token of the answer."""
    spare_tokens: int = 256
    """Tokens granted beyond that, for the reason and the fences."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What the expert made of one window."""

    window: Window
    refined: str


@dataclass(frozen=True, slots=True)
class Expert:
    """Asks a model to return documents without their noise."""

    model: Model
    rules: str
    """What is to be deleted and kept; the form of the answer is added."""
    config: ExpertConfig = ExpertConfig()

    @classmethod
    def load(
        cls, model: Model, prompt: Path | None = None, config: ExpertConfig | None = None
    ) -> "Expert":
        """Make an expert with the rules of a file, or those that ship.

        Raises:
            UsageError: the file cannot be read, or is empty.
        """
        return cls(model, read_rules(prompt), config or ExpertConfig())

    @property
    def system(self) -> str:
        """The system turn; the same for every document."""
        return f"{self.rules}\n\n{sections(PROMPTS)['answer']}"

    @property
    def revision(self) -> str:
        """Model, and a digest of prompt and settings."""
        return f"{self.model.name} {digest_of(self.system, repr(self.config))}"

    async def rewrite(self, text: str, lines: Lines) -> list[Rewrite]:
        """Return what stays of each window of a document.

        Raises:
            QuarantinedReply: a window got no usable answer.
            ModelError: a request failed.
            BudgetExhausted: a request does not fit the budget.
            QuotaPaused: the server's quota is used up.
        """
        found: list[Rewrite] = []
        for window in windows(lines, self.config.window_chars, self.config.overlap):
            shown = "\n".join(lines.texts[window.first - 1 : window.last])
            refined = await ask_parsed(
                self.model, self.request(shown, fence_code(text)), read_refined
            )
            found.append(Rewrite(window, refined))
        return found

    def request(self, shown: str, code: str) -> Request:
        """Return the question about a text; `code` marks its fences."""
        most = int(len(shown) / self.config.chars_per_token) + self.config.spare_tokens
        return Request(
            (Message("system", self.system), Message("user", fence("document", shown, code))),
            Sampling(max_tokens=most, temperature=self.config.temperature, top_p=self.config.top_p),
            task="expert",
        )


def read_rules(prompt: Path | None) -> str:
    """Read the rules of a file, or those that ship.

    Raises:
        UsageError: the file cannot be read, or is empty.
    """
    if prompt is None:
        return sections(PROMPTS)["rewrite"]
    try:
        text = prompt.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"--prompt {prompt}: cannot be read as UTF-8 text") from None
    if not text:
        raise UsageError(f"--prompt {prompt}: is empty; write what to delete and what to keep")
    return text


def read_refined(reply: Reply) -> str:
    """Read the text that stays out of a reply.

    Raises:
        ReplyError: `not_wrapped`, it does not stand between its marks.
    """
    found = _ANSWER.search(reply.content)
    if found is None:
        raise ReplyError(
            "not_wrapped", "The text must stand between <document> and </document>, at the end."
        )
    text = found.group(1)
    return "" if not text.strip() else text
