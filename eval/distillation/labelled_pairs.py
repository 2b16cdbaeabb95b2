"""Pairs to train a served refiner on, made from labelled pages without any model.

They are what `burnish distill --labels-field` would make: the same prompt, the same way to show a
window, the same filters. Labels of people or of a fixture take the place of an expert's rewrite.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from burnish.agents.prompting.fencing import NumberedText, fence_window
from burnish.graphs.distill.settings import frame_of
from burnish.tools.deletion.lines import Lines, Span, Window
from burnish.tools.deletion.program import Call, KeepAll, Program, RemoveLines, RemoveStr
from burnish.tools.distill.distill import Policy, distilled
from burnish.tools.distill.intent import labels_intent
from burnish.tools.distill.pairs import Frame, record

FRAME: Frame = frame_of("json")
"""The system turn of one-shot answers."""


@dataclass(frozen=True, slots=True)
class TextLabels:
    """What is to be kept of a text, in the letters of `burnish.eval.refiners.metrics.labelled`."""

    letters: str
    partial: Mapping[int, Sequence[Span]]


def within(program: Program, window: Window) -> tuple[Call, ...]:
    """Return what of a document's program concerns the lines a window acts on, clipped to them."""
    calls: list[Call] = []
    for call in program.calls:
        if isinstance(call, RemoveLines):
            start, end = max(call.start, window.acts_from), min(call.end, window.last)
            if start <= end:
                calls.append(RemoveLines(start, end))
        elif not isinstance(call, RemoveStr) or window.acts_from <= call.line <= window.last:
            calls.append(call)
    return tuple(calls) or (KeepAll(),)


def asked(raw: str, lines: Lines, window: Window) -> list[dict[str, object]]:
    """Return the messages that ask for the program of a window, as the served refiner does."""
    return [
        {"role": "system", "content": FRAME.system},
        {"role": "user", "content": fence_window(NumberedText(raw, lines), window)},
    ]


def pairs_of(raw: str, labels: TextLabels, max_chars: int) -> Iterator[dict[str, object]]:
    """Yield one pair a window of a labelled page; none where a filter drops the page."""
    lines = Lines.of(raw)
    intent = labels_intent(lines, raw, labels.letters, labels.partial)
    result = distilled(raw, lines, intent, Policy(window_chars=max_chars, notation="json"))
    page = NumberedText(raw, lines)
    for pair in result.pairs:
        yield record(pair, fence_window(page, pair.window), FRAME)
