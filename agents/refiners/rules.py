"""The rules refiner: line and document heuristics of published web corpora, as programs.

It is the baseline that any learned refiner must beat. The published filters read text that an
extractor has already cleaned, so on raw pages their document-level rules drop most of what they
see; they are off by default.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby

from burnish.corpora.errors import UsageError
from burnish.corpora.records import Document, digest
from burnish.tools.deletion.program import Call, Note, Program, RemoveAll, RemoveLines
from burnish.tools.text import quality_signals

RULES_VERSION = 1
"""Raised whenever the same settings would decide differently."""

CONFIDENCE = {
    "javascript": 0.49,
    "policy_notice": 0.99,
    "too_few_words": 0.83,
    "no_terminal_punctuation": 0.59,
    "duplicate_line": 0.77,
}
"""Share of the lines each rule took, by the default settings, that the labels call noise.

Measured on all 1,426 pages of the Web Content Extraction Benchmark (`web_wcxb`; lines labelled
keep-in-part left out); of all its lines 71 % are noise.
"""
DOCUMENT_CONFIDENCE = 0.5
"""Confidence of every decision to drop a document: no labelled set says how often one is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesConfig:
    """Thresholds of the rules; the defaults are the published ones.

    C4 is Raffel et al. 2020 (arXiv 1910.10683, §2.2), Gopher Rae et al. 2021 (arXiv 2112.11446,
    §A1.1), FineWeb Penedo et al. 2024 (arXiv 2406.17557, §3.6). Shares lie between 0 and 1.
    """

    terminal_punctuation: bool = True
    """Remove lines that end in none of `terminal_marks` (C4; FineWeb leaves this rule out)."""
    terminal_marks: str = '.!?"”。\uff01\uff1f…」』'
    """Characters that end a sentence (C4: period, exclamation mark, question mark, end quotation
    mark; the CJK ones and the ellipsis are ours)."""
    min_line_words: int = 5
    """Remove lines of fewer words (C4)."""
    javascript: bool = True
    """Remove lines that hold the word "javascript" (C4)."""
    policy_phrases: tuple[str, ...] = (
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    )
    """Remove lines that hold one of these, in whatever case (C4)."""
    duplicate_lines: bool = True
    """Remove lines that repeat one that stays (FineWeb and Gopher count them; removing is ours)."""

    drop_documents: bool = False
    """Apply the rules below, which drop whole documents."""
    lorem_ipsum: bool = True
    """Drop documents that hold the phrase "lorem ipsum" (C4)."""
    curly_bracket: bool = False
    """Drop documents that hold a "{" (C4; off because it takes every page about code)."""

    min_words: int = 50
    """Fewest words of a document (Gopher)."""
    max_words: int = 100_000
    """Most words of a document (Gopher)."""
    min_mean_word_length: float = 3.0
    """Least mean length of a word in characters (Gopher); not asked of text without spaces."""
    max_mean_word_length: float = 10.0
    """Greatest mean length of a word in characters (Gopher); not asked of text without spaces."""
    max_symbols_per_word: float = 0.1
    """Most hash signs, or ellipses, per word (Gopher)."""
    max_bullet_lines: float = 0.9
    """Largest share of lines that begin with a bullet (Gopher)."""
    max_ellipsis_lines: float = 0.3
    """Largest share of lines that end in an ellipsis (Gopher)."""
    min_alphabetic_words: float = 0.8
    """Least share of words that hold a letter (Gopher)."""
    min_stop_words: int = 2
    """Fewest different stop words (Gopher); not asked of text without spaces."""
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    """The stop words (Gopher: English only; give others for other languages)."""

    max_duplicate_lines: float = 0.30
    """Largest share of lines that repeat an earlier one (Gopher, Table A1)."""
    max_duplicate_line_chars: float = 0.20
    """Largest share of characters in such lines (Gopher, Table A1)."""
    max_duplicate_paragraphs: float = 0.30
    """Largest share of paragraphs that repeat an earlier one (Gopher, Table A1)."""
    max_duplicate_paragraph_chars: float = 0.20
    """Largest share of characters in such paragraphs (Gopher, Table A1)."""
    max_top_ngram_chars: tuple[float, ...] = (0.20, 0.18, 0.16)
    """Largest share of characters in the most frequent n-gram, n = 2, 3, 4 (Gopher, Table A1)."""
    max_duplicate_ngram_chars: tuple[float, ...] = (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)
    """Largest share of characters in repeated n-grams, n = 5 to 10 (Gopher, Table A1)."""

    min_punctuated_lines: float = 0.12
    """Drop at this share of lines that end in a terminal mark, or less (FineWeb)."""
    duplicate_line_chars: float = 0.10
    """Drop at this share of characters in repeated lines, or more (FineWeb)."""
    short_lines: float = 0.67
    """Drop at this share of short lines, or more (FineWeb)."""
    short_line_length: int = 30
    """A line of fewer characters is short (FineWeb)."""

    def __post_init__(self) -> None:
        if not self.terminal_marks:
            raise UsageError(
                "rules: terminal_marks is empty; to leave the rule out, set "
                "terminal_punctuation to false."
            )
        for name, value in asdict(self).items():
            if isinstance(value, int | float) and value < 0:
                raise UsageError(f"rules: {name} is {value}; it must not be negative.")


@dataclass(frozen=True, slots=True)
class RulesRefiner:
    """Removes lines, and drops documents where told to, by rules that need no model."""

    config: RulesConfig = field(default_factory=RulesConfig)

    @property
    def name(self) -> str:
        """Name that ledger rows carry as their agent."""
        return "rules"

    @property
    def revision(self) -> str:
        """Digest of the settings and of the version of the rules."""
        settings = {"version": RULES_VERSION, **asdict(self.config)}
        return digest(json.dumps(settings, sort_keys=True))[:16]

    def propose(self, documents: Sequence[Document]) -> list[Program]:
        """Return one program for each document, in order; only its text counts."""
        return [self._program(document.text) for document in documents]

    def _program(self, text: str) -> Program:
        config = self.config
        if config.drop_documents and (reason := _raw_fault(text, config)):
            return _dropped(reason)
        lines = text.split("\n")
        reasons = _line_reasons(lines, text.lower(), config)
        if config.drop_documents and (reason := _rest_fault(lines, reasons, config)):
            return _dropped(reason)
        if config.duplicate_lines:
            _mark_duplicates(lines, reasons)
        _mark_blank_lines(reasons)
        return Program(tuple(_calls(reasons)))


def _dropped(reason: str) -> Program:
    return Program((RemoveAll(note=Note(reason=reason, confidence=DOCUMENT_CONFIDENCE)),))


def _line_reasons(lines: Sequence[str], lowered: str, config: RulesConfig) -> list[str | None]:
    """Name what speaks against each line: a reason, "" for nothing, None for a blank line.

    Phrases that the text (`lowered`: in lower case) does not hold need not be sought by line.
    """
    javascript = config.javascript and "javascript" in lowered
    phrases = [phrase for phrase in config.policy_phrases if phrase.lower() in lowered]
    marks = tuple(config.terminal_marks) if config.terminal_punctuation else ()
    reasons: list[str | None] = []
    for raw in lines:
        line = raw.strip()
        if not line:
            reasons.append(None)
        elif (javascript or phrases) and (found := _phrase_reason(line, phrases, config)):
            reasons.append(found)
        elif not quality_signals.has_words(line, config.min_line_words):
            reasons.append("too_few_words")
        elif marks and not line.endswith(marks):
            reasons.append("no_terminal_punctuation")
        else:
            reasons.append("")
    return reasons


def _phrase_reason(line: str, phrases: Sequence[str], config: RulesConfig) -> str:
    lowered = line.lower()
    if config.javascript and "javascript" in lowered:
        return "javascript"
    return "policy_notice" if any(phrase.lower() in lowered for phrase in phrases) else ""


def _mark_duplicates(lines: Sequence[str], reasons: list[str | None]) -> None:
    """Mark lines that would stay but repeat an earlier line that stays."""
    seen: set[str] = set()
    for index, line in enumerate(lines):
        if reasons[index] != "":
            continue
        content = line.strip()
        if content in seen:
            reasons[index] = "duplicate_line"
        seen.add(content)


def _mark_blank_lines(reasons: list[str | None]) -> None:
    """Let blank lines go where the nearest lines with text on both sides go.

    They take the reason of the line above. At an edge of the document the one neighbour decides.
    """
    above: str | None = None
    start = 0
    for blank, run in groupby(list(reasons), lambda reason: reason is None):
        stop = start + sum(1 for _ in run)
        if blank:
            below = reasons[stop] if stop < len(reasons) else above
            both = (below if above is None else above) if below else ""
            reasons[start:stop] = [both] * (stop - start)
        else:
            above = reasons[stop - 1]
        start = stop


def _calls(reasons: Sequence[str | None]) -> Iterator[Call]:
    """Make one call for each run of lines that go for the same reason."""
    first = 1
    for reason, run in groupby(reasons):
        length = sum(1 for _ in run)
        if reason:
            note = Note(reason=reason, confidence=CONFIDENCE[reason])
            yield RemoveLines(first, first + length - 1, note=note)
        first += length


def _raw_fault(text: str, config: RulesConfig) -> str:
    """Say why a document as it came is to be dropped; Gopher's rules come before C4's lines."""
    if config.lorem_ipsum and "lorem ipsum" in text.lower():
        return "lorem_ipsum"
    if config.curly_bracket and "{" in text:
        return "curly_bracket"
    tokens = quality_signals.words(text)
    lines = quality_signals.filled_lines(text)
    if _lacks_quality(text, tokens, lines, config):
        return "gopher_quality"
    if _repeats_blocks(text, lines, config) or _repeats_words(tokens, config):
        return "gopher_repetition"
    return ""


def _lacks_quality(
    text: str, tokens: Sequence[str], lines: Sequence[str], config: RulesConfig
) -> bool:
    if not config.min_words <= len(tokens) <= config.max_words:
        return True
    if not quality_signals.is_unspaced(tokens):
        length = quality_signals.mean_length(tokens)
        if not config.min_mean_word_length <= length <= config.max_mean_word_length:
            return True
        if quality_signals.stop_words_found(tokens, config.stop_words) < config.min_stop_words:
            return True
    return (
        quality_signals.symbols_per_word(text, tokens) > config.max_symbols_per_word
        or quality_signals.bullet_share(lines) > config.max_bullet_lines
        or quality_signals.ellipsis_share(lines) > config.max_ellipsis_lines
        or quality_signals.alphabetic_share(tokens) < config.min_alphabetic_words
    )


def _repeats_blocks(text: str, lines: Sequence[str], config: RulesConfig) -> bool:
    by_line = quality_signals.duplicates(lines)
    by_paragraph = quality_signals.duplicates(quality_signals.paragraphs(text))
    return (
        by_line.share > config.max_duplicate_lines
        or by_line.char_share > config.max_duplicate_line_chars
        or by_paragraph.share > config.max_duplicate_paragraphs
        or by_paragraph.char_share > config.max_duplicate_paragraph_chars
    )


def _repeats_words(tokens: Sequence[str], config: RulesConfig) -> bool:
    for n, limit in enumerate(config.max_top_ngram_chars, start=2):
        if quality_signals.top_ngram_share(tokens, n) > limit:
            return True
    for n, limit in enumerate(config.max_duplicate_ngram_chars, start=5):
        share = quality_signals.duplicate_ngram_share(tokens, n)
        if share > limit:
            return True
        if not share:
            return False
    return False


def _rest_fault(lines: Sequence[str], reasons: Sequence[str | None], config: RulesConfig) -> str:
    """Say why what C4's line rules leave is to be dropped, as in FineWeb's order of filters."""
    kept = [line.strip() for line, reason in zip(lines, reasons, strict=True) if reason == ""]
    if (
        quality_signals.ending_share(kept, config.terminal_marks) <= config.min_punctuated_lines
        or quality_signals.duplicates(kept).char_share >= config.duplicate_line_chars
        or quality_signals.short_share(kept, config.short_line_length) >= config.short_lines
    ):
        return "fineweb_quality"
    return ""
