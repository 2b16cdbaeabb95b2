"""Give up what only happens to agree: letters of foreign text found here and there in noise.

A longest common subsequence spells a sentence that an expert added out of letters of the menu it
stands beside. Such kept crumbs cut words; they are no evidence that the menu stayed, nor that it
was rewritten. They become deletions, and the text they spelt an insertion.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from burnish.corpora.alignment.align import Edit
from burnish.tools.text.typography import Folded
from burnish.tools.text.words import joins

CRUMB = 12
"""A kept run is a crumb when it is shorter, in symbols, and cuts a word at one of its ends."""

SPECK = 4
"""A kept run inside deletions is a crumb when it is shorter, whatever it cuts."""

FOREIGN = 3
"""A region this many times as long as what was written into it was not rewritten into that."""

_SLACK = 40


def without_crumbs(raw: str, source: Folded, edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield the edits anew, those joined that only crumbs kept apart.

    A joined region that is not much longer than what was written there is a rewrite as a whole.
    Else the insertion stands where its longest crumb stood, and what surrounds it was deleted.
    """
    group: list[Edit] = []
    for edit in edits:
        if group and not _is_crumb(raw, source, group[-1], edit):
            yield from _joined(source, group)
            group = []
        group.append(edit)
    yield from _joined(source, group)


def _is_crumb(raw: str, source: Folded, before: Edit, after: Edit) -> bool:
    start, stop = before.stop, after.start
    if stop - start >= CRUMB:
        return False
    if stop - start < SPECK and before.start < before.stop and after.start < after.stop:
        return True
    first, last = int(source.places[start]), int(source.places[stop - 1])
    return joins(raw[first - 1 : first] if first else "", raw[first]) or joins(
        raw[last], raw[last + 1 : last + 2]
    )


def _joined(source: Folded, group: Sequence[Edit]) -> Iterator[Edit]:
    if len(group) < 2:
        yield from group
        return
    runs = [(a.stop, b.start) for a, b in pairwise(group)]
    pieces = [group[0].replacement]
    for (start, stop), edit in zip(runs, group[1:], strict=True):
        pieces += source.symbols[start:stop], edit.replacement
    written = "".join(pieces)
    start, stop = group[0].start, group[-1].stop
    if stop - start <= FOREIGN * len(written) + _SLACK:
        yield Edit(start, stop, written)
        return
    anchor = max(runs, key=lambda run: run[1] - run[0])
    yield Edit(start, anchor[0], "")
    yield Edit(*anchor, written)
    yield Edit(anchor[1], stop, "")
