"""The path of the reasoner that needs no model: calculations that the data set itself gives."""

from burnish.corpora.records import Evidence, QAItem, Verdict
from burnish.tools.answers.calculations import Calculations, check_calculations, has_calculations

PATH = "calculation"
SURE = 0.9
"""Confidence where a right calculation ends in the key; the steps may still miss the question."""
STRONG = 0.8
"""Confidence where the key is no result of any calculation: some final steps are left unwritten."""


def check_annotated_steps(item: QAItem, key: str | None = None) -> Verdict | None:
    """Check an item's annotated calculations against its key; None where it has none.

    Args:
        item: the item; its rationale holds the calculations.
        key: the keyed answer's value, where the item names only a choice.
    """
    if item.rationale is None or not has_calculations(item.rationale):
        return None
    found = check_calculations(item.rationale, key or item.answer)
    evidence = tuple(
        Evidence("calculation", f"step {number}", f"{s.expression} = {s.claimed}: {s.state}")
        for number, s in enumerate(found.steps, 1)
    )
    return _verdict(found, evidence)


def _verdict(found: Calculations, evidence: tuple[Evidence, ...]) -> Verdict:
    if found.wrong:
        count = len(found.wrong)
        reason = f"{count} of {len(found.steps)} calculations are wrong"
        if found.origin == "last":
            return Verdict("calculations", "abstain", 0.0, reason, evidence=evidence)
        return _rejecting(found, reason, evidence)
    if found.origin == "last":
        reason = f"all {len(found.steps)} calculations are right and the last one gives the key"
        return Verdict(
            "calculations", "accept", SURE, reason, found.result, paths=(PATH,), evidence=evidence
        )
    if found.origin == "elsewhere":
        return _rejecting(found, "no calculation gives the key", evidence)
    words = {
        "earlier": "the key is the result of an earlier calculation, not of the last",
        "unreadable": "the calculations cannot be compared with the key",
    }
    return Verdict("calculations", "abstain", 0.0, words[found.origin], evidence=evidence)


def _rejecting(found: Calculations, reason: str, evidence: tuple[Evidence, ...]) -> Verdict:
    return Verdict(
        "calculations", "reject", STRONG, reason, found.result, paths=(PATH,), evidence=evidence
    )
