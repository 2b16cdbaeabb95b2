"""Shows in a terminal what became of a question: before and after, which operation, and why."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain, islice

from rich.text import Text

from burnish.corpora.errors import UsageError
from burnish.corpora.questions.choices import LETTERS
from burnish.corpora.records import QAItem
from burnish.corpora.runs.folder import RunFolder
from burnish.graphs.archive.question_records import QuestionRecord, question_records
from burnish.tools.text.visible import shown, visible

REMOVED, ADDED = "red strike", "green"
_CHANGED = frozenset({"edited", "dropped", "added"})
_LONGEST = 600
"""Characters of a stretch that are shown."""
_COMPARED = 20_000
"""Longer texts are shown as gone and come whole: to compare words takes time by their square."""
_MARGIN = " " * 11
_WORDS = re.compile(r"\s+|\S+")


def question_diffs(
    folder: RunFolder, record_id: str | None, limit: int = 10, *, plain: bool = False
) -> Iterator[Text]:
    """Yield one item, or the first `limit` changed ones: edited first, then dropped and added.

    `plain` marks what went as `[-…-]` and what came as `{+…+}`, for where there are no colours.

    Raises:
        UsageError: the run holds no item with this id.
        RunError: a file of the run is missing or broken.
    """
    if record_id is not None:
        found = next((one for one in question_records(folder) if one.entry.id == record_id), None)
        if found is None:
            raise UsageError(f"record {shown(record_id)}: this run holds no item with this id")
        yield render_question(found, plain=plain)
        return
    chosen = chain(_of(folder, frozenset({"edited"})), _of(folder, _CHANGED - {"edited"}))
    for record in islice(chosen, limit):
        yield render_question(record, plain=plain)


def _of(folder: RunFolder, outcomes: frozenset[str]) -> Iterator[QuestionRecord]:
    return (one for one in question_records(folder) if one.entry.outcome in outcomes)


def render_question(record: QuestionRecord, *, plain: bool = False) -> Text:
    """Return an item with what changed in it; nothing in it can steer the terminal."""
    diff = _heading(record)
    entry = record.entry
    for name, before, after in _fields(record.before, record.after):
        diff.append(f"{name:>10} ", "dim")
        _compare(diff, before, after, plain=plain)
        diff.append("\n")
    for complaint in entry.complaints:
        diff.append(f"  complaint {_short(complaint)}\n", "dim")
    for verdict in entry.verdicts:
        said = f"{verdict.validator}: {verdict.opinion} {verdict.confidence:.2f}, {verdict.reason}"
        diff.append(f"    verdict {_short(said)}\n", "dim")
    return diff


def _heading(record: QuestionRecord) -> Text:
    entry = record.entry
    moved = entry.cell_from != entry.cell_to and entry.cell_from and entry.cell_to
    cells = f"{entry.cell_from} -> {entry.cell_to}" if moved else entry.cell_from or entry.cell_to
    facts = [
        entry.outcome,
        entry.operation,
        f"round {entry.round}" if entry.round else "",
        cells,
        entry.reason,
        f"flag: {entry.flag}" if entry.flag and entry.flag != entry.reason else "",
    ]
    told = "  ".join(_short(fact) for fact in facts if fact)
    return Text.assemble(Text(shown(entry.id), style="bold"), ("  " + told + "\n", "dim"))


def _fields(
    before: QAItem | None, after: QAItem | None
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the parts of an item: the question, its choices and its key, else what changed."""
    if before is None and after is None:
        return
    old, new = _parts(before), _parts(after)
    for name in dict.fromkeys((*old, *new)):
        one, other = old.get(name), new.get(name)
        always = name in {"question", "key"} or name.startswith("choice")
        if always or one != other:
            yield name, one, other


def _parts(item: QAItem | None) -> dict[str, str]:
    if item is None:
        return {}
    parts = {
        "context": item.context or "",
        "turns": "\n".join(item.turns),
        "question": item.question,
        **_choices(item.choices),
        "key": item.answer,
        "rationale": item.rationale or "",
        "domain": item.domain or "",
        "skill": item.skill or "",
    }
    return {name: text for name, text in parts.items() if text}


def _choices(choices: Sequence[str]) -> dict[str, str]:
    letters = [LETTERS[at] if at < len(LETTERS) else str(at + 1) for at in range(len(choices))]
    return {f"choice {name}": text for name, text in zip(letters, choices, strict=True)}


def _compare(diff: Text, before: str | None, after: str | None, *, plain: bool) -> None:
    """Append a text with the words that went and those that came."""
    if before == after:
        diff.append(_short(after or ""))
        return
    texts = (before or "", after or "")
    long = max(map(len, texts)) > _COMPARED
    old, new = ([text] if long else _WORDS.findall(text) for text in texts)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, old_start, old_stop, new_start, new_stop in matcher.get_opcodes():
        if kind == "equal":
            diff.append(_short("".join(old[old_start:old_stop])))
            continue
        _mark(diff, "".join(old[old_start:old_stop]), ("[-", "-]"), REMOVED, plain=plain)
        _mark(diff, "".join(new[new_start:new_stop]), ("{+", "+}"), ADDED, plain=plain)


def _mark(diff: Text, text: str, marks: tuple[str, str], style: str, *, plain: bool) -> None:
    if text:
        words = _short(text)
        diff.append(f"{marks[0]}{words}{marks[1]}" if plain else words, style)


def _short(text: str) -> str:
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return visible(cut).replace("\n", f"\n{_MARGIN}")
