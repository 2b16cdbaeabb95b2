"""Training of the line tagger: `train` makes the shipped weights, their scores and their card."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from burnish.agents.line_tagger.tagger import LineTagger, TaggedText
from burnish.agents.line_training.augment import FramedPage
from burnish.agents.line_training.corpus import (
    FOLDS,
    LabelledPage,
    PageScorer,
    fold_of,
    load_pages,
    read_rows,
)
from burnish.agents.line_training.export import export, save
from burnish.agents.line_training.fit import MEMBERS, Progress, TrainingSets, fit_members
from burnish.agents.line_training.model_card import render_line_card
from burnish.agents.line_training.scores import (
    as_rows,
    by_group,
    find_temperature,
    measure_calibration,
    score_pages,
    share_untouched,
    summarize,
)
from burnish.agents.line_training.torch_network import LineNetwork

MAIN: Final = "web_wcxb"
WEB: Final = ("web_readability_silver", "web_trafilatura_weak", "web_zh")
MAILS: Final = "email_forge"
PAPERS: Final = "pdf_grobid"
_PASSAGES: Final = 4000


@dataclass(frozen=True)
class Corpus:
    """The data sets of a folder.

    Labelled pages by set, clean passages to learn from, and other clean passages to test with.
    """

    pages: Mapping[str, Sequence[LabelledPage]]
    passages: Sequence[str]
    unseen: Sequence[str]

    def without(self, fold: int) -> TrainingSets:
        """What to train on when the hosts of `fold` are kept for testing (-1: on everything)."""

        def rest(name: str) -> list[LabelledPage]:
            return [page for page in self.pages[name] if fold_of(page.host) != fold]

        return TrainingSets(
            main=[FramedPage.of(page) for page in rest(MAIN)],
            web=[page for name in WEB for page in rest(name)],
            mails=rest(MAILS),
            papers=rest(PAPERS),
            passages=self.passages,
        )

    def of_fold(self, fold: int) -> list[LabelledPage]:
        """The pages of every set whose hosts are in `fold`."""
        sets = (MAIN, *WEB, MAILS, PAPERS)
        return [page for name in sets for page in self.pages[name] if fold_of(page.host) == fold]


def load_corpus(data: Path) -> Corpus:
    """The data sets under `data`; FileNotFoundError where one is absent."""
    pages = {name: load_pages(data, name) for name in (MAIN, *WEB, MAILS, PAPERS)}
    rows = read_rows(data / "wiki_passages" / "enwiki2015_sample.jsonl.gz")
    texts = [str(row["text"]) for number, row in enumerate(rows) if number % 25 in (0, 1)]
    return Corpus(pages, texts[0::2][:_PASSAGES], texts[1::2][:_PASSAGES])


def fixed_words(weights: Path | None = None) -> torch.Tensor:
    """The word vectors (65536, 32) of the shipped weights or those of the file `weights`."""
    tagger = LineTagger.load(weights)
    width = MEMBERS[0].shape.word_width
    table = tagger.words[:, :width].astype(np.float32) * tagger.word_scales[:width]
    return torch.from_numpy(table)


def train(  # noqa: PLR0913
    data: Path,
    out: Path,
    *,
    folds: Sequence[int] = range(FOLDS),
    epochs: int | None = None,
    seed: int = 0,
    progress: Progress = print,
    words: Path | None = None,
) -> Mapping[str, Any]:
    """Cross-validates by hosts, trains on everything and writes the files of `release` to `out`.

    `epochs` replaces the recipe's own, for a quick try; `words` is the file of weights whose word
    vectors are used. Returns the table of scores.
    """
    corpus = load_corpus(data)
    vectors = fixed_words(words)
    members = [
        recipe if epochs is None else dataclasses.replace(recipe, epochs=epochs)
        for recipe in MEMBERS
    ]
    networks: dict[int, list[LineNetwork]] = {}
    for fold in (*folds, -1):
        progress("training on every page" if fold < 0 else f"training without fold {fold}")
        sets = corpus.without(fold)
        networks[fold] = fit_members(sets, vectors, seed, progress, members)
    final = networks.pop(-1)
    return release(corpus, networks, final, out, progress)


def release(
    corpus: Corpus,
    folds: Mapping[int, Sequence[LineNetwork]],
    final: Sequence[LineNetwork],
    out: Path,
    progress: Progress = print,
) -> Mapping[str, Any]:
    """Scores the networks of `folds` on the hosts they never saw and writes everything to `out`.

    Files: line_tagger.npz and line_tagger.md; foldN.npz, folds.json, cv_results.json and
    cv_probabilities.npz for benchmarks. The temperature is fitted on all folds but the last.
    """
    out.mkdir(parents=True, exist_ok=True)
    pages = {fold: corpus.of_fold(fold) for fold in folds}
    plain = {
        fold: _tagger(networks, 1.0).tag(_texts(pages[fold])) for fold, networks in folds.items()
    }
    temperature = _temperature(pages, plain)
    tagged: dict[int, list[TaggedText]] = {}
    for fold, networks in folds.items():
        progress(f"scoring fold {fold}")
        save(export(networks, temperature), out / f"fold{fold}.npz")
        tagged[fold] = LineTagger.load(out / f"fold{fold}.npz").tag(_texts(pages[fold]))
    results = {"temperature": temperature} | _results(corpus, pages, tagged, out)
    save(export(final, temperature), out / "line_tagger.npz")
    _write_folds(pages, tagged, out)
    (out / "cv_results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (out / "line_tagger.md").write_text(render_line_card(results), "utf-8")
    return results


def _tagger(networks: Sequence[LineNetwork], temperature: float) -> LineTagger:
    return LineTagger.of(export(networks, temperature))


def _texts(pages: Sequence[LabelledPage]) -> list[str]:
    return [page.text for page in pages]


def _temperature(
    pages: Mapping[int, Sequence[LabelledPage]], tagged: Mapping[int, Sequence[TaggedText]]
) -> float:
    chosen = [fold for fold in pages if fold != FOLDS - 1] or list(pages)
    pairs = [
        (page, text)
        for fold in chosen
        for page, text in zip(pages[fold], tagged[fold], strict=True)
        if page.source == MAIN
    ]
    return find_temperature([page for page, _ in pairs], [text for _, text in pairs])


def _results(
    corpus: Corpus,
    pages: Mapping[int, Sequence[LabelledPage]],
    tagged: Mapping[int, Sequence[TaggedText]],
    out: Path,
) -> dict[str, Any]:
    flat = [(p, t) for fold in pages for p, t in zip(pages[fold], tagged[fold], strict=True)]
    every = [page for page, _ in flat]
    scores = score_pages([PageScorer(page) for page in every], [text for _, text in flat])
    main = [at for at, page in enumerate(every) if page.source == MAIN]
    rated = [at for at, page in enumerate(every) if page.source != "web_trafilatura_weak"]
    main_pages, main_scores = [every[at] for at in main], [scores[at] for at in main]
    of_fold = [str(fold_of(page.host)) for page in main_pages]
    per_fold = {
        fold: summarize([s for s, own in zip(main_scores, of_fold, strict=True) if own == fold])
        for fold in sorted(set(of_fold))
    }
    return {
        "main": dict(vars(summarize(main_scores))),
        "folds": as_rows(per_fold),
        "kinds": as_rows(by_group(main_pages, main_scores, "kind")),
        "languages": as_rows(by_group(main_pages, main_scores, "language")),
        "sets": as_rows(
            by_group([every[at] for at in rated], [scores[at] for at in rated], "source")
        ),
        "calibration": dict(measure_calibration(main_pages, [flat[at][1] for at in main])),
        "untouched": _clean(corpus, pages, out),
    }


def _clean(
    corpus: Corpus, pages: Mapping[int, Sequence[LabelledPage]], out: Path
) -> dict[str, float]:
    """Shares of clean documents that unseen-host taggers leave whole."""
    gold: list[TaggedText] = []
    prose: list[TaggedText] = []
    passages: list[TaggedText] = []
    for number, fold in enumerate(pages):
        tagger = LineTagger.load(out / f"fold{fold}.npz")
        main = [page for page in pages[fold] if page.source == MAIN]
        found = tagger.tag([page.gold or "" for page in main])
        gold += found
        prose += [text for page, text in zip(main, found, strict=True) if page.kind == "article"]
        passages += tagger.tag(corpus.unseen[number :: len(pages)])
    return {
        "gold of all pages": share_untouched(gold),
        "gold of articles": share_untouched(prose),
        "Wikipedia passages": share_untouched(passages),
    }


def _write_folds(
    pages: Mapping[int, Sequence[LabelledPage]],
    tagged: Mapping[int, Sequence[TaggedText]],
    out: Path,
) -> None:
    folds = {page.id: fold for fold, some in pages.items() for page in some if page.source == MAIN}
    arrays = {
        page.id: text.probabilities
        for fold, some in pages.items()
        for page, text in zip(some, tagged[fold], strict=True)
        if page.source == MAIN
    }
    (out / "folds.json").write_text(json.dumps(folds, indent=0, sort_keys=True) + "\n", "utf-8")
    save(arrays, out / "cv_probabilities.npz")
