"""The decision layer: bars, clean texts, framed pages and worthless ones."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.agents.line_tagger.decision import ERROR_PAGE, SPAM, DecisionRule, decide, worthless
from burnish.agents.line_tagger.tagger import LineTagger, TaggedText
from burnish.agents.line_training.corpus import LabelledPage, PageScorer
from burnish.agents.line_training.fit_decision import (
    DecisionLimits,
    FittingSet,
    cross_validate,
    fit,
    store,
)

RULE = DecisionRule()
LINES = st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 40)), min_size=1, max_size=40)

# Pages of our own; the rules were made with the first half in view, the second was kept apart.
DESIGN = {
    "stuffed lamps": "cheap desk lamps | buy desk lamps | desk lamps sale | best desk lamps\n"
    "Cheap desk lamps for sale! Buy desk lamps today, desk lamps at cheap prices, desk lamps now!\n"
    "Our desk lamps are the cheapest desk lamps, so buy cheap desk lamps from the lamps shop.\n"
    "desk lamps cheap, cheap desk lamps online, desk lamps discount, discount desk lamps cheap\n"
    "BUY DESK LAMPS NOW!!! CHEAP DESK LAMPS!!! DESK LAMPS SALE!!!\n"
    "Tags: desk lamps, cheap desk lamps, desk lamps sale, buy desk lamps online, best desk lamps",
    "stuffed plumber": "Emergency plumber Norwick - emergency plumber near me - 24h plumber "
    "Norwick\nNeed an emergency plumber in Norwick? Our emergency plumber Norwick team is the best "
    "emergency plumber Norwick has. Call the emergency plumber Norwick trusts for emergency "
    "plumber services.\n"
    "emergency plumber Norwick north, emergency plumber Norwick south, emergency plumber Norwick\n"
    "emergency plumber near me, best emergency plumber near me, emergency plumber Norwick prices\n"
    "Call now! Emergency plumber Norwick! Call now! Emergency plumber Norwick! Call now!",
    "link farm": "Top links\n"
    + "\n".join(
        f"best {a} online | cheap {a} | {a} free | {a} bonus | buy {a} today"
        for a in (
            "casino",
            "loans",
            "pills",
            "poker",
            "watches",
            "backlinks",
            "ringtones",
            "essays",
        )
    )
    + "\nbest casino online | cheap loans | free pills | buy backlinks today\nexchange links",
    "casino doorway": "Free spins casino no deposit bonus 2024 free spins\n"
    "Free spins no deposit casino bonus: play free spins, win free spins, claim casino bonus now!\n"
    "Casino bonus free spins no deposit, casino free spins bonus codes, no deposit bonus codes\n"
    "CLAIM FREE SPINS!!! CLAIM CASINO BONUS!!! PLAY NOW!!! CLAIM FREE SPINS!!!\n"
    "Best casino bonus codes, new casino bonus codes, casino bonus codes free spins no deposit\n"
    "CLAIM FREE SPINS!!! CLAIM CASINO BONUS!!! PLAY NOW!!! CLAIM FREE SPINS!!!",
    "blog comment spam": "nice post! visit my site cheap shoes store cheap shoes online\n"
    "great blog, cheap shoes online here cheap shoes store click cheap shoes\n"
    "thank you admin! cheap shoes online cheap shoes store best cheap shoes\n"
    "very useful cheap shoes cheap shoes store cheap shoes online buy cheap shoes\n"
    "I love this post cheap shoes online, click cheap shoes store, cheap shoes online",
    "plain 404": "404 Not Found\nnginx",
    "shop 404": "Home\nShop\nCart (0)\nSign in\nOops! That page can't be found.\n"
    "It looks like nothing was found at this location. Maybe try a search?\nSearch\n"
    "Recent posts\nPrivacy policy\n© 2023 Thimble Lane",
    "no access": "Access denied\nYou don't have permission to access this resource.\n"
    "Reference #18.4fa1\nReturn to the home page",
    "script wall": "Please enable JavaScript to continue\nThis site needs JavaScript. Turn it on "
    "and reload the page.\nCookie policy\nContact",
    "server error": "Menu\nHome\nAbout\n500 Internal Server Error\nSomething went wrong on our "
    "side. Please try again later.\nHelp\nTerms",
    "parked": "rushyfen.example\nThis domain is for sale\nBuy this domain\nRelated searches\n"
    "Car insurance\nCheap flights\nWeb hosting\nPrivacy policy",
}
HELD_OUT = {
    "stuffed curtains": "Blackout curtains cheap - cheap blackout curtains UK - blackout curtains\n"
    "Looking for blackout curtains? Cheap blackout curtains are here. Blackout curtains UK "
    "buyers love cheap blackout curtains, for cheap blackout curtains UK are curtains cheap.\n"
    "blackout curtains bedroom, blackout curtains nursery, blackout curtains UK, blackout\n"
    "Order blackout curtains! Cheap blackout curtains! Order blackout curtains! 70% OFF!\n"
    "Keywords: blackout curtains, cheap blackout curtains, blackout curtains UK, curtains blackout",
    "stuffed dentist": "dentist Marrow Hill, best dentist Marrow Hill, cheap dentist Marrow Hill\n"
    "If you want a dentist in Marrow Hill, the best dentist Marrow Hill offers is our dentist "
    "Marrow Hill clinic, the dentist Marrow Hill families call the best dentist Marrow Hill.\n"
    "dentist Marrow Hill open now, dentist Marrow Hill prices, dentist Marrow Hill reviews\n"
    "teeth whitening Marrow Hill, cheap teeth whitening Marrow Hill, dentist Marrow Hill",
    "loan doorway": "payday loans online payday loans no credit check payday loans same day\n"
    "Payday loans online same day! Apply payday loans, get payday loans, payday loans approved!\n"
    "same day payday loans, online payday loans, payday loans no credit check, payday loans bad "
    "credit, payday loans direct lender, payday loans same day online\n"
    "APPLY NOW!!! PAYDAY LOANS ONLINE!!! APPLY NOW!!! PAYDAY LOANS SAME DAY!!!",
    "link wheel": "partner sites\n"
    + "\n".join(
        f"{a} download free | free {a} download | {a} full version free download | {a} crack"
        for a in ("movie", "game", "music", "ebook", "driver", "wallpaper", "theme")
    )
    + "\nadd your link | free links | submit link",
    "pill shop": "Buy slimming tea! Slimming tea works! Buy slimming tea today! Slimming tea!\n"
    "Slimming tea reviews: best slimming tea, slimming tea price, where to buy slimming tea\n"
    "slimming tea slimming tea slimming tea slimming tea slimming tea slimming tea slimming tea\n"
    "ORDER SLIMMING TEA >>> ORDER SLIMMING TEA >>> ORDER SLIMMING TEA >>>",
    "German 404": "Startseite\nProdukte\nKontakt\nSeite nicht gefunden\nDie gewünschte Seite "
    "existiert leider nicht mehr.\nZur Startseite\nImpressum\nDatenschutz",
    "French 404": "Accueil\nBoutique\nErreur 404\nPage introuvable\nLa page que vous cherchez "
    "n'existe pas ou a été déplacée.\nRetour à l'accueil\nMentions légales",
    "terse 404": "Not Found\nThe requested URL was not found on this server.\n"
    "Apache/2.4 Server at files.example.net Port 80",
    "gone page": "Sign in\nBasket\nSorry, this page is no longer available\n"
    "The page you requested has been removed.\nBrowse departments\nHelp\nReturns",
    "forbidden": "403 Forbidden\nRequest blocked. We can't connect to the server for this app.",
    "maintenance": "Orchard Bank\nWe'll be back soon\nThe site is down for maintenance. "
    "Please check back in an hour.\nContact us",
    "robot check": "Just a moment...\nChecking your browser before you continue. Please enable "
    "cookies.\nRay ID: 7a1f\nPrivacy",
}


def tagged(probabilities: list[float], words: int = 10) -> TaggedText:
    size = len(probabilities)
    return TaggedText(np.array(probabilities, np.float32), np.full(size, words, np.float32))


def of_lines(lines: list[tuple[float, int]]) -> TaggedText:
    keep, words = zip(*lines, strict=True)
    return TaggedText(np.array(keep, np.float32), np.array(words, np.float32))


@pytest.fixture(scope="module")
def tagger() -> LineTagger:
    return LineTagger.load()


@given(st.lists(LINES, max_size=6))
def test_a_text_is_decided_the_same_alone_and_among_others(
    pages: list[list[tuple[float, int]]],
) -> None:
    texts = [of_lines(page) for page in pages]
    together = decide(texts, RULE)
    assert len(together) == len(texts)
    for text, keep in zip(texts, together, strict=True):
        assert np.array_equal(decide([text], RULE)[0], keep)


@given(LINES)
def test_a_threshold_of_zero_keeps_everything(lines: list[tuple[float, int]]) -> None:
    assert decide([of_lines(lines)], RULE, threshold=0)[0].all()


@given(LINES, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_keeps_no_more(
    lines: list[tuple[float, int]], low: float, high: float
) -> None:
    text = of_lines(lines)
    low, high = min(low, high), max(low, high)
    more, fewer = (decide([text], RULE, threshold=bar)[0] for bar in (low, high))
    assert not (fewer & ~more).any()


@given(LINES)
def test_no_deleted_line_is_likelier_than_a_kept_one(lines: list[tuple[float, int]]) -> None:
    text = of_lines(lines)
    keep = decide([text], RULE)[0]
    assert text.probabilities[~keep].max(initial=0) <= text.probabilities[keep].min(initial=1)


def test_no_texts_need_no_decision() -> None:
    assert decide([], RULE) == []


def test_a_text_without_sure_noise_stays_whole() -> None:
    assert decide([tagged([0.9, 0.2, 0.9, 0.3, 0.1])], RULE)[0].all()


def test_one_line_of_sure_noise_opens_a_text_to_deletion() -> None:
    assert decide([tagged([0.01, 0.9, 0.9, 0.2])], RULE)[0].tolist() == [False, True, True, False]


def test_a_frame_of_noise_on_both_sides_is_deleted_without_sure_noise() -> None:
    framed = tagged([0.1] * 4 + [0.95] * 6 + [0.1] * 4)
    expected = [False] * 4 + [True] * 6 + [False] * 4
    assert decide([framed], RULE)[0].tolist() == expected


def test_noise_on_one_side_alone_is_no_frame() -> None:
    assert decide([tagged([0.95] * 6 + [0.1] * 8)], RULE)[0].all()


def test_blank_lines_alone_stay() -> None:
    assert decide([TaggedText(np.ones(3, np.float32), np.zeros(3, np.float32))], RULE)[0].all()


def test_a_rule_is_read_back_from_its_values() -> None:
    rule = DecisionRule(threshold=0.3, frame_lines=3)
    assert DecisionRule.of(json.loads(json.dumps(rule.as_values()))) == rule


def test_values_of_another_rule_are_refused() -> None:
    with pytest.raises(ValueError, match="other values"):
        DecisionRule.of({"threshold": 0.4})


def missed(pages: dict[str, str], tagger: LineTagger) -> list[str]:
    found = tagger.tag(list(pages.values()))
    return [
        name
        for (name, text), tags in zip(pages.items(), found, strict=True)
        if not worthless(text, tags)
    ]


def test_the_worthless_pages_of_the_design_are_told(tagger: LineTagger) -> None:
    assert missed(DESIGN, tagger) == []


def test_nearly_all_worthless_pages_held_out_are_told(tagger: LineTagger) -> None:
    assert len(missed(HELD_OUT, tagger)) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "The error said that the file could not be found, so she wrote the program again, "
        "line by line, and kept a note of every choice. " * 4,
        "Tea and cake\nA cheap oven is the best oven: buy one now, she said, and bake today.\n"
        + "\n".join(f"Day {day}: I baked a loaf with rye, salt and honey." for day in "1234"),
        "",
        "\n\n",
    ],
)
def test_plain_text_is_never_worthless(text: str, tagger: LineTagger) -> None:
    assert not worthless(text, tagger.tag([text])[0])


def test_of_the_samples_only_the_spam_and_the_error_page_are_worthless(tagger: LineTagger) -> None:
    samples = (resources.files("burnish.corpora.samples") / "documents.jsonl").read_text("utf-8")
    rows = [json.loads(row) for row in samples.split("\n") if row]
    found = tagger.tag([row["text"] for row in rows])
    reasons = {
        row["id"]: reason
        for row, tags in zip(rows, found, strict=True)
        if (reason := worthless(row["text"], tags))
    }
    assert reasons == {"spam-cheap-watches": SPAM, "error-not-found": ERROR_PAGE}


def fitting_set() -> FittingSet:
    """Ten pages that have noise around a text, and clean texts that have a line of 0.02."""
    lines = ["menu", "one two three four five six", "seven eight nine ten", "footer"]
    page = LabelledPage(
        id="page",
        source="made",
        kind="",
        language="en",
        host="example.org",
        text="\n".join(lines),
        keep=np.array([0, 1, 1, 0], np.float32),
        spans={},
        gold="\n".join(lines[1:3]),
    )
    noisy = TaggedText(
        np.array([0.01, 0.9, 0.9, 0.3], np.float32), np.array([1, 6, 4, 1], np.float32)
    )
    clean = tagged([0.9, 0.02, 0.9])
    folds = np.arange(10) % 5
    return FittingSet([PageScorer(page)] * 10, [noisy] * 10, [clean] * 10, folds)


def test_fitting_leaves_clean_texts_whole_and_deletes_the_noise() -> None:
    pages = fitting_set()
    rule = fit(pages, np.ones(10, np.bool_), limits=DecisionLimits(untouched=1, harm=0))
    assert 0.01 < rule.sure_noise <= 0.02
    outcome = pages.outcome([rule] * 5, np.ones(10, np.bool_))
    assert (outcome.f1, outcome.harm, outcome.untouched) == (1, 0, 1)


def test_every_fold_has_a_rule_of_its_own() -> None:
    assert len(cross_validate(fitting_set())) == 5


def test_a_rule_is_stored_in_the_meta_of_a_file_of_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, meta=np.array(json.dumps({"format": 1})), words=np.arange(3))
    store(DecisionRule(threshold=0.3), path)
    with np.load(path) as file:
        meta = json.loads(str(file["meta"]))
        assert file["words"].tolist() == [0, 1, 2]
    assert meta["format"] == 1
    assert DecisionRule.of(meta["decision"]).threshold == 0.3
