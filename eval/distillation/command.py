"""Measure distillation: `python -m burnish.eval.distillation`.

On labelled pages: how exactly the pairs repeat what was asked for, speed, program length, and the
alignment beside difflib's, the tool RefineX uses (arXiv 2507.03253). Seconds are processor seconds
of one core. Line-exact yield counts, over all pages (those dropped by a filter count as failures):

- lines: of the lines labelled D or K, the share that the program deletes whole (D) or leaves (K);
- windows: the share of windows, which is what a pair is made of, with every such line right;
- pages: the share of pages with every such line right.

Labels and marked texts of one page do not always agree (equal lines of which one was marked; text
that the marked version has in another order): some lines are wrong by one and right by the other.
"""

import argparse
import difflib
import random
import signal
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from burnish.corpora.alignment.align import align
from burnish.corpora.alignment.lcs import lcs_length
from burnish.eval.datasets.pages import Page, available, load_pages
from burnish.eval.stats.harness import (
    benchmark_parser,
    carry_out,
    data_root,
    say_skipped,
    tell_line,
)
from burnish.tools.deletion.lines import Lines, Span, windows
from burnish.tools.deletion.notation import render
from burnish.tools.deletion.program import apply, cut, resolve
from burnish.tools.distill.distill import Policy, distilled, round_trips
from burnish.tools.distill.intent import Intent, intent_of, labels_intent
from burnish.tools.distill.pairs import joined
from burnish.tools.distill.rewrite_filter import guard
from burnish.tools.text.words import approximate_tokens, words

Figures = dict[str, object]
Reading = Callable[[Page, Lines], Intent]
POLICY = Policy(notation="lines")


def from_labels(page: Page, lines: Lines) -> Intent:
    """Read what the labels of a page ask for."""
    return labels_intent(lines, page.raw, page.labels, page.partial)


def from_gold(page: Page, lines: Lines) -> Intent:
    """Read what the main content that a person marked asks for."""
    return intent_of(page.raw, page.gold or "", lines)


def distillation(pages: Sequence[Page], read: Reading) -> Figures:
    """Distill pages and compare the programs with the line labels."""
    counts: Counter[str] = Counter()
    seconds = 0.0
    for page in pages:
        started = time.process_time()
        lines = Lines.of(page.raw)
        intent = read(page, lines)
        result = distilled(page.raw, lines, intent, POLICY)
        seconds += time.process_time() - started
        counts["bytes"] += len(page.raw.encode())
        counts["wanted"] += result.wanted_chars
        counts["surviving"] += result.kept_chars
        judged = _judged(page)
        shown = list(windows(lines, POLICY.window_chars, POLICY.overlap))
        counts["lines"] += len(judged)
        counts["windows"] += len(shown)
        if not result.pairs:
            counts["dropped"] += 1
            continue
        program = joined(result.pairs)
        spans = resolve(program, page.raw, lines).spans
        intended = cut(page.raw, guard(page.raw, lines, intent).deletions)
        counts["round_trip"] += round_trips(page.raw, result.pairs, intended, POLICY.notation)
        wrong = [n for n, label in judged if not _is_right(label, lines.content(n), spans)]
        counts["right"] += len(judged) - len(wrong)
        counts["whole_windows"] += sum(
            not any(window.acts_from <= n <= window.last for n in wrong) for window in shown
        )
        counts["whole_pages"] += not wrong
        counts["input_tokens"] += approximate_tokens(page.raw)
        counts["program_tokens"] += approximate_tokens(render(program))
        counts["new_words"] += len(words(apply(program, page.raw)) - words(page.raw))
    emitted = len(pages) - counts["dropped"]
    return {
        "pages": len(pages),
        "pages_with_pairs": emitted,
        "round_trip": counts["round_trip"] / max(emitted, 1),
        "line_exact_lines": counts["right"] / max(counts["lines"], 1),
        "windows": counts["windows"],
        "line_exact_windows": counts["whole_windows"] / max(counts["windows"], 1),
        "line_exact_pages": counts["whole_pages"] / len(pages),
        "surviving_deletions": counts["surviving"] / max(counts["wanted"], 1),
        "program_tokens_per_input_token": counts["program_tokens"] / counts["input_tokens"],
        "new_words": counts["new_words"],
        "mb_per_second": counts["bytes"] / 1e6 / seconds,
    }


def _judged(page: Page) -> list[tuple[int, str]]:
    return [(number, label) for number, label in enumerate(page.labels, 1) if label in "DK"]


def _is_right(label: str, line: Span, spans: Sequence[Span]) -> bool:
    """Tell whether a D line goes whole, or nothing of a K line goes."""
    after = bisect_left(spans, line.stop, key=lambda span: span.start)
    touched = spans[after - 1] if after else Span(0, 0)
    if label == "D":
        return touched.start <= line.start and touched.stop >= line.stop
    return touched.stop <= line.start


def against_difflib(pages: Sequence[Page], cap_s: int) -> Figures:
    """Align raw pages with their gold: ours, difflib as it comes, and without its shortcut."""
    total = {"pages": len(pages), "longest_common_subsequence": 0, "cap_s": cap_s}
    names = ("burnish", "difflib", "difflib_no_autojunk")
    kept, capped = Counter[str](), Counter[str]()
    seconds = dict.fromkeys(names, 0.0)
    common = Counter[str]()
    certified = 0
    for page in pages:
        gold = page.gold or ""
        longest = lcs_length(page.raw, gold)
        total["longest_common_subsequence"] += longest
        for name in names:
            started = time.process_time()
            found = _kept(name, page.raw, gold, cap_s)
            seconds[name] += time.process_time() - started
            if found is None:
                capped[name] += 1
                continue
            kept[name] += found
            common[name] += longest
        certified += align(page.raw, gold).certified
    systems = {
        name: {
            "kept_of_longest": kept[name] / max(common[name], 1),
            "seconds": seconds[name],
            "pages_capped": capped[name],
            "times_our_seconds": seconds[name] / max(seconds["burnish"], 1e-9),
        }
        for name in names
    }
    return {**total, "certified_pages": certified, "systems": systems}


class _TooLongError(Exception):
    """Raised inside a measurement that passes its cap."""


@contextmanager
def _capped(seconds: int) -> Generator[None]:
    def stop(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _kept(name: str, raw: str, gold: str, cap_s: int) -> int | None:
    """Return the characters an aligner keeps; None when it takes too long."""
    try:
        with _capped(cap_s):
            if name == "burnish":
                return align(raw, gold).kept
            matcher = difflib.SequenceMatcher(None, raw, gold, autojunk=name == "difflib")
            return sum(block.size for block in matcher.get_matching_blocks())
    except _TooLongError:
        return None


def main(argv: Sequence[str] | None = None) -> int:
    """Run all parts and print one JSON object a part; 0 done or skipped, 2 on bad input."""
    parser = benchmark_parser("distillation", __doc__)
    parser.add_argument("--data", type=Path, default=None, help="folder of the data sets")
    parser.add_argument("--limit", type=int, default=1000, help="pages to distill")
    parser.add_argument("--difflib", type=int, default=20, help="pages to align with difflib too")
    parser.add_argument("--cap", type=int, default=20, help="processor seconds a page at most")
    parser.add_argument("--seed", type=int, default=0)
    return carry_out(parser, _run, argv)


def _run(options: argparse.Namespace) -> int:
    root = options.data or data_root()
    if not available(root, ["web_wcxb"]):
        return say_skipped("web_wcxb", root)
    pages = load_pages(root, "web_wcxb", limit=options.limit, seed=options.seed)
    for name, read in (("labels", from_labels), ("gold", from_gold)):
        tell_line({name: distillation(pages, read)})
    chosen = random.Random(options.seed).sample(pages, min(options.difflib, len(pages)))
    tell_line({"alignment": against_difflib(chosen, options.cap)})
    return 0
