"""Turns one shard of documents into training pairs: the unit of work and of resume.

Every file is written whole or not at all, the marker last. `data/` holds all pairs that passed the
filters, before any are chosen; `ledger/` has a row a document and no text of it.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import orjson

from burnish.agents.prompting.fencing import NumberedText, fence_window
from burnish.agents.refiners.expert import Expert, Rewrite
from burnish.corpora.errors import STOPPING, BurnishError, ModelError, QuarantinedReply
from burnish.corpora.readers.rows import Shard
from burnish.corpora.records import DOCUMENTS, Outcome, digest
from burnish.corpora.runs.folder import RunFolder, write_json
from burnish.corpora.runs.pair_ledger import LEDGER, PairEntry
from burnish.corpora.storage.writers import write_jsonl
from burnish.graphs.distill.settings import DistillSettings
from burnish.graphs.runs.worker_pool import Marker
from burnish.tools.deletion.lines import Lines, Span
from burnish.tools.deletion.notation import render
from burnish.tools.deletion.program import apply
from burnish.tools.distill.distill import Distilled, distilled
from burnish.tools.distill.intent import Intent, clip, intent_of, labels_intent, paper_intent, parts
from burnish.tools.distill.pairs import KINDS, assistant_turn, joined
from burnish.tools.stable_order import group_of
from burnish.tools.text.words import approximate_tokens, words

Values = Mapping[str, object]
"""The columns of one row, the text left out."""
Partial = dict[int, list[Span]]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A document, and what became of it."""

    id: str
    text: str
    values: Values
    result: Distilled
    failure: str = ""

    @property
    def outcome(self) -> Outcome:
        """The word that ledgers use for it."""
        if self.failure:
            return "failed"
        if self.result.drop is not None:
            return "dropped"
        changes = any(pair.kind != "keep_all" for pair in self.result.pairs)
        return "edited" if changes else "unchanged"


@dataclass(frozen=True)
class DistillRunner:
    """Makes pairs of shards, one after another."""

    folder: RunFolder
    settings: DistillSettings
    expert: Expert | None = None
    """Who rewrites documents; None where the input says what goes."""
    loop: asyncio.Runner = field(default_factory=asyncio.Runner)
    """The one event loop in which the expert's connections live."""

    def run(self, shard: Shard) -> Marker:
        """Make the pairs of a shard and write them.

        Raises:
            ModelError: the expert's server cannot be used at all.
            BudgetExhausted: the token budget does not allow another request.
            QuotaPaused: the server's quota is used up.
        """
        started = time.process_time()
        rows = cast("list[Values]", shard.columns.to_pylist())
        documents = list(zip(shard.ids, shard.texts, rows, strict=True))
        if self.expert is None:
            outcomes = [self._given(*document) for document in documents]
        else:
            outcomes = self.loop.run(self._rewritten(documents, self.expert))
        write_jsonl(self.folder.part("data", shard.index), self._pair_rows(outcomes))
        entries = [_entry(outcome) for outcome in outcomes]
        write_jsonl(self.folder.part("ledger", shard.index), LEDGER.rows(entries))
        self.folder.write_quarantine(shard.index, shard.bad)
        marker = _marker(shard, outcomes, entries)
        marker["seconds"] = round(time.process_time() - started, 3)
        write_json(self.folder.marker(shard.index), marker)
        return marker

    def _given(self, id: str, text: str, values: Values) -> _Outcome:
        lines = Lines.of(text)
        intent = self._intent(text, lines, values)
        if intent is None:
            return _Outcome(id, text, values, Distilled(drop="unusable"))
        return _Outcome(id, text, values, distilled(text, lines, intent, self.settings.policy))

    def _intent(self, text: str, lines: Lines, values: Values) -> Intent | None:
        columns = self.settings.columns
        if not text.strip():
            return None
        if columns.labels is not None:
            labels = values.get(columns.labels)
            partial = _partial(values.get(columns.partial or ""))
            if not isinstance(labels, str) or partial is None:
                return None
            if len(labels) != len(lines) or not set(labels) <= set("KDP-"):
                return None
            return labels_intent(lines, text, labels, partial)
        refined = values.get(columns.refined or "")
        return self._from_refined(text, refined, lines) if isinstance(refined, str) else None

    def _from_refined(self, text: str, refined: str, lines: Lines) -> Intent:
        if self.settings.policy.filter == "paper":
            return paper_intent(text, refined, lines)
        return intent_of(text, refined, lines)

    async def _rewritten(
        self, documents: Sequence[tuple[str, str, Values]], expert: Expert
    ) -> list[_Outcome]:
        free = asyncio.Semaphore(self.settings.concurrency)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._asked(d, expert, free)) for d in documents]
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from None
        return [task.result() for task in tasks]

    async def _asked(
        self, document: tuple[str, str, Values], expert: Expert, free: asyncio.Semaphore
    ) -> _Outcome:
        id, text, values = document
        lines = Lines.of(text)
        if not text.strip():
            return _Outcome(id, text, values, Distilled(drop="unusable"))
        async with free:
            try:
                rewrites = await expert.rewrite(text, lines)
            except QuarantinedReply as error:
                return _Outcome(id, text, values, Distilled(), error.kind)
            except ModelError as error:
                if error.kind in STOPPING:
                    raise
                return _Outcome(id, text, values, Distilled(), error.kind)
        intent = merged_intent(lines, [self._window_intent(lines, one) for one in rewrites])
        return _Outcome(id, text, values, distilled(text, lines, intent, self.settings.policy))

    def _window_intent(self, lines: Lines, rewrite: Rewrite) -> Intent:
        """Read what the expert wants of one window, in places of the document."""
        window = rewrite.window
        text = "\n".join(lines.texts[window.first - 1 : window.last])
        found = self._from_refined(text, rewrite.refined, Lines.of(text))
        by = lines.starts[window.first - 1]
        moved = [Span(start + by, stop + by) for start, stop in found.deletions]
        own = [part for part in parts(lines, moved) if part.line >= window.acts_from]
        rewrites = tuple(Span(start + by, stop + by) for start, stop in found.rewrites)
        return Intent(tuple(clip(lines, own)), rewrites, found.written, found.kept_ratio)

    def _pair_rows(self, outcomes: Sequence[_Outcome]) -> Iterator[dict[str, object]]:
        columns = self.settings.columns
        for one in outcomes:
            page = NumberedText(one.text, Lines.of(one.text))
            group = group_of(one.values.get(columns.group or "url"), one.id)
            stratum = str(one.values.get(columns.stratum)) if columns.stratum else ""
            changes = sum(one.result.refused.values()) > 0
            for pair in one.result.pairs:
                if pair.kind == "keep_all" and changes:
                    continue
                yield {
                    "id": one.id,
                    "window": list(pair.window),
                    "group": group,
                    "stratum": stratum,
                    "kind": pair.kind,
                    "user": fence_window(page, pair.window),
                    "assistant": assistant_turn(pair.program, self.settings.policy.notation),
                }


def first_failure(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the failure to report: one of burnish's own only where there is no other."""
    flat: list[BaseException] = []
    for failure in failures.exceptions:
        nested = isinstance(failure, BaseExceptionGroup)
        flat.append(first_failure(failure) if nested else failure)
    return next((one for one in flat if not isinstance(one, BurnishError)), flat[0])


def merged_intent(lines: Lines, intents: Sequence[Intent]) -> Intent:
    """Join what is wanted of the windows of a document."""
    deletions = [part for intent in intents for part in parts(lines, intent.deletions)]
    return Intent(
        tuple(clip(lines, deletions)),
        tuple(span for intent in intents for span in intent.rewrites),
        tuple(text for intent in intents for text in intent.written),
        min(intent.kept_ratio for intent in intents),
    )


def _partial(value: object) -> Partial | None:
    """Read which spans of P lines stay: an object, or JSON text of one; None where it is neither.

    Its keys are line numbers from 0, its values lists of `[start, stop)`.
    """
    if value is None or value == "":
        return {}
    try:
        found = orjson.loads(value) if isinstance(value, str) else value
        items = cast("dict[str, list[list[int]] | None]", found).items()
        return {int(key): [Span(*pair) for pair in pairs] for key, pairs in items if pairs}
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
        return None


def _entry(one: _Outcome) -> PairEntry:
    entry = PairEntry(
        id=one.id,
        outcome=one.outcome,
        reason=one.failure or one.result.drop or "",
        raw_digest=digest(one.text),
        raw_chars=len(one.text),
        wanted_chars=one.result.wanted_chars,
        deleted_chars=one.result.kept_chars,
        refused_chars=dict(one.result.refused),
    )
    if not one.result.pairs:
        return entry
    program = joined(one.result.pairs)
    refined = apply(program, one.text)
    return replace(
        entry,
        refined_digest=digest(refined),
        refined_chars=len(refined),
        kinds=tuple(pair.kind for pair in one.result.pairs),
        calls=len(program.calls),
        input_tokens=approximate_tokens(one.text),
        program_tokens=approximate_tokens(render(program)),
        new_words=len(words(refined) - words(one.text)),
    )


_SUMMED = (
    "wanted_chars", "deleted_chars", "calls", "input_tokens", "program_tokens", "new_words",
)  # fmt: skip


def _marker(shard: Shard, outcomes: Sequence[_Outcome], entries: Sequence[PairEntry]) -> Marker:
    kinds = Counter(pair.kind for one in outcomes for pair in one.result.pairs)
    refused: Counter[str] = Counter()
    for one in outcomes:
        refused.update(one.result.refused)
    counts = Counter(entry.outcome for entry in entries) + Counter(quarantined=len(shard.bad))
    return {
        "index": shard.index,
        "rows": len(entries) + len(shard.bad),
        "outcomes": {name: counts[name] for name in DOCUMENTS.outcomes},
        "drops": dict(Counter(one.result.drop for one in outcomes if one.result.drop)),
        "failures": dict(Counter(one.failure for one in outcomes if one.failure)),
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "refused_chars": dict(refused),
        "chars_in": sum(len(text) for text in shard.texts),
        "bytes_in": sum(len(text.encode()) for text in shard.texts),
    } | {key: sum(getattr(entry, key) or 0 for entry in entries) for key in _SUMMED}
