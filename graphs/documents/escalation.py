"""Which documents go beyond the embedded refiner to a language model, and what that is worth.

The same integer program that plans operations on QA items chooses: the gain of a document is the
number of words that the embedded model expects to misjudge in it (each line's words times the
probability that its decision is wrong), the cost is a bound of the tokens that asking about it
takes. The choice is written to `plan.parquet` in the run folder, and never made again there.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from burnish.agents.line_tagger.tagger import LineTagger
from burnish.agents.llm.messages import Message, Request, Sampling
from burnish.agents.llm.token_counts import Counting
from burnish.agents.refiners.served import Prompt, ServedConfig
from burnish.corpora.readers.rows import Shard
from burnish.graphs.documents.record_graph import Services
from burnish.tools.deletion.lines import Lines, numbered, windows
from burnish.tools.planning.estimates import from_table, write_plan
from burnish.tools.planning.lagrangian import Effort
from burnish.tools.planning.plan import make_plan
from burnish.tools.planning.quotas import Quotas

SERVED = "served"
RESERVE = 0.1
"""Share of the budget that is not planned with: repairs, second attempts, the probe."""
_GROUP = 256


@dataclass(frozen=True, slots=True)
class Escalation:
    """Documents that a language model decides on, and how it is reached."""

    opened: Callable[[], AbstractAsyncContextManager[Services]]
    """Opens the services inside an event loop."""
    ids: frozenset[str] | None = None
    """None: every document."""

    def takes(self, identity: str) -> bool:
        """Tell whether a document goes to the language model."""
        return self.ids is None or identity in self.ids


class EscalationPlan(NamedTuple):
    """What the plan comes to; the choice itself is in the plan file."""

    documents: int
    """That go to the language model."""
    gain: float
    """Words expected to be judged better at most."""
    cost: float
    """Tokens that they may take at most."""
    bound: float
    """No choice within the budget gains more."""


def plan_file(root: Path) -> Path:
    """Return where the choice of a run is kept."""
    return root / "plan.parquet"


def chosen(root: Path) -> frozenset[str]:
    """Return the ids of the documents that the plan gives to the language model."""
    table = pq.read_table(plan_file(root), columns=["item", "operation"])
    pairs = zip(table["item"].to_pylist(), table["operation"].to_pylist(), strict=True)
    return frozenset(str(item) for item, operation in pairs if operation == SERVED)


class Costs:
    """Bounds the tokens that asking about a document takes."""

    def __init__(self, config: ServedConfig, bytes_per_token: float) -> None:
        self._config = config
        self._bytes_per_token = bytes_per_token
        prompt = Prompt.of(config)
        empty = Request(
            (Message("system", prompt.system), Message("user", "")),
            Sampling(max_tokens=config.max_tokens),
            tools=prompt.tools,
            schema=prompt.schema,
        )
        self._fixed = Counting().worst_case(empty) - config.max_tokens

    def of(self, text: str) -> float:
        """Return the tokens for one asking about each window."""
        lines = Lines.of(text)
        found = list(windows(lines, self._config.window_chars, self._config.overlap))
        shown = sum(len(numbered(lines, window).encode("utf-8", "replace")) for window in found)
        per_window = self._fixed + _FRAME
        tokens = (shown + per_window * len(found)) / self._bytes_per_token
        tokens += self._config.max_tokens * len(found)
        if self._config.mode != "agentic":
            return tokens
        longest = max(self._config.conversation_tokens * len(found), tokens)
        return min(tokens * self._config.most_turns, longest)


_FRAME = 300
"""Bytes of the user turn around the numbered lines."""


def gains(tagger: LineTagger, texts: Sequence[str]) -> list[float]:
    """Return the words of each text that the tagger expects to misjudge."""
    return [
        float((tagged.weights * np.minimum(tagged.probabilities, 1 - tagged.probabilities)).sum())
        for tagged in tagger.tag(texts)
    ]


def choose(
    shards: Iterable[Shard], tagger: LineTagger, costs: Costs, budget: int, root: Path
) -> EscalationPlan:
    """Choose the documents within a budget and write the plan file."""
    totals: dict[str, list[float]] = {}
    for identity, gain, cost in _estimated(shards, tagger, costs):
        held = totals.setdefault(identity, [0.0, 0.0])
        held[0] += gain
        held[1] += cost
    if not totals:
        write_empty(root)
        return EscalationPlan(0, 0.0, 0.0, 0.0)
    table = pa.table({
        "item": pa.array(list(totals), pa.string()),
        "operation": pa.array([SERVED] * len(totals), pa.string()),
        "gain": pa.array([gain for gain, _ in totals.values()], pa.float64()),
        "cost": pa.array([cost for _, cost in totals.values()], pa.float64()),
    })
    quotas = Quotas(bounds=(), reserve=RESERVE)
    plan = make_plan(from_table(table, "the documents"), budget, quotas, Effort(), curve=())
    write_plan(plan_file(root), plan.estimates, plan.chosen)
    return EscalationPlan(len(plan.chosen), plan.value, plan.cost, plan.bound)


def write_empty(root: Path) -> None:
    """Write a plan in which nothing goes to the language model."""
    names = pa.array([], pa.string())
    pq.write_table(pa.table({"item": names, "operation": names}), plan_file(root))


def _estimated(
    shards: Iterable[Shard], tagger: LineTagger, costs: Costs
) -> Iterator[tuple[str, float, float]]:
    for shard in shards:
        for first in range(0, len(shard.texts), _GROUP):
            texts = shard.texts[first : first + _GROUP]
            names = shard.ids[first : first + _GROUP]
            for name, text, gain in zip(names, texts, gains(tagger, texts), strict=True):
                yield name, gain, costs.of(text)
