"""The embedded refiner: the trained line tagger that ships with burnish, answering in programs.

It needs no model server, no download and no PyTorch. Runs of lines that are hardly content become
`remove_lines`, surely foreign fragments of kept lines `remove_str`; the reason of a call says where
in the document the noise stood.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from burnish.agents.line_tagger.decision import decide, worthless
from burnish.agents.line_tagger.fragments import partial_spans
from burnish.agents.line_tagger.tagger import WEIGHTS, LineTagger, TaggedText
from burnish.corpora.records import Document
from burnish.tools.deletion.program import Call, Note, Program, RemoveAll, RemoveLines, RemoveStr

CODE = 1
"""Goes up whenever the same weights would decide otherwise, so that no run mixes the two."""

FRAGMENT_CONFIDENCE = 0.9
"""Precision of the fragment patterns on hosts they were not made from."""


@dataclass(frozen=True)
class EmbeddedRefiner:
    """Decides line by line with the whole document in view."""

    tagger: LineTagger
    threshold: float | None = None
    """A line whose probability of being content is at or above this always stays; 0 keeps all.
    None: as the decision rule of the tagger says."""
    revision: str = ""
    name: str = "embedded"

    @classmethod
    def load(cls, weights: Path | None = None, threshold: float | None = None) -> "EmbeddedRefiner":
        """Load the shipped weights, or those of another file made by `burnish train`.

        Raises:
            WeightsError: the file holds no line tagger of this format.
            OSError: the file cannot be read.
        """
        path = weights or WEIGHTS
        tagger = LineTagger.load(path)
        chosen = tagger.rule.threshold if threshold is None else threshold
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(tagger, threshold, f"{digest[:16]} code {CODE} threshold {chosen}")

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Return one program for each document."""
        tagged = self.tagger.tag([document.text for document in documents])
        masks = decide(tagged, self.tagger.rule, threshold=self.threshold)
        return [
            self._program(document.text, lines, keep)
            for document, lines, keep in zip(documents, tagged, masks, strict=True)
        ]

    def _program(self, text: str, tagged: TaggedText, keep: NDArray[np.bool_]) -> Program:
        if self.threshold != 0 and (reason := worthless(text, tagged)):
            confidence = 1 - _mean_keep(tagged)
            return Program((RemoveAll(note=Note(reason=reason, confidence=confidence)),))
        return _program(text, tagged, keep)


def _mean_keep(tagged: TaggedText) -> float:
    """Mean probability of being content, over the words of a text."""
    words = max(float(tagged.weights.sum()), 1.0)
    return round(float((tagged.probabilities * tagged.weights).sum()) / words, 4)


def _program(text: str, tagged: TaggedText, keep: NDArray[np.bool_]) -> Program:
    kept = np.flatnonzero(keep)
    if not len(kept):
        confidence = 1 - float(tagged.probabilities.max())
        return Program((RemoveAll(note=Note(reason="no_content", confidence=confidence)),))
    calls: list[Call] = list(_line_calls(tagged.probabilities, keep, int(kept[0]), int(kept[-1])))
    if "#" in text or "Start date " in text or "•" in text:
        calls.extend(_fragment_calls(text.split("\n"), keep))
    return Program(tuple(calls))


def _line_calls(
    probabilities: NDArray[np.float32], keep: NDArray[np.bool_], first: int, last: int
) -> list[Call]:
    edges = np.flatnonzero(np.diff(np.concatenate(([True], keep, [True])).astype(np.int8)))
    calls: list[Call] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        place = "before" if stop <= first else "after" if start > last else "between"
        confidence = 1 - float(probabilities[start:stop].mean())
        note = Note(reason=f"{place}_content", confidence=round(confidence, 4))
        calls.append(RemoveLines(start + 1, stop, note=note))
    return calls


def _fragment_calls(lines: Sequence[str], keep: NDArray[np.bool_]) -> list[Call]:
    calls: list[Call] = []
    for index in np.flatnonzero(keep).tolist():
        line = lines[index]
        for start, stop in partial_spans(line):
            text = line[start:stop]
            occurrence = _occurrence(line, text, start)
            note = Note(reason="fragment", confidence=FRAGMENT_CONFIDENCE)
            calls.append(RemoveStr(index + 1, text, occurrence, note=note))
    return calls


def _occurrence(line: str, text: str, start: int) -> int | None:
    """Say which of the places of `text` is meant; None where there is only one."""
    places = 1
    place = line.find(text)
    while place < start:
        places += 1
        place = line.find(text, place + 1)
    again = line.find(text, start + 1) >= 0
    return places if again or places > 1 else None
