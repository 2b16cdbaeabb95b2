"""How the opinions of independent paths join: agreement strengthens, conflict abstains."""

from collections.abc import Sequence
from math import prod

from burnish.corpora.records import Verdict
from burnish.tools.answers.compare import compare


def join_confidences(confidences: Sequence[float]) -> float:
    """Return the confidence of independent voices that agree: one minus the product of doubts."""
    return 1.0 - prod(1.0 - confidence for confidence in sorted(confidences))


def join_verdicts(name: str, verdicts: Sequence[Verdict]) -> Verdict:
    """Join what one validator learned on several paths into its verdict.

    Abstentions give way to opinions; an accept against a reject is an abstention. Two rejects that
    found different answers stay a reject without an answer, and count as a single path.
    """
    evidence = tuple(piece for verdict in verdicts for piece in verdict.evidence)
    tokens = sum(verdict.tokens for verdict in verdicts)
    failure = "; ".join(verdict.failure for verdict in verdicts if verdict.failure)
    told = [verdict for verdict in verdicts if verdict.opinion != "abstain"]
    reason = "; ".join(verdict.reason for verdict in told or verdicts)
    opinions = {verdict.opinion for verdict in told}
    if len(opinions) != 1:
        words = f"the paths contradict each other: {reason}" if told else reason
        return Verdict(name, "abstain", 0.0, words, None, tokens, failure, (), evidence)
    found = [verdict.found for verdict in told if verdict.found is not None]
    one = bool(found) and all(compare(found[0], other).same for other in found[1:])
    if told[0].opinion == "reject" and not one:
        confidence, answer = max(verdict.confidence for verdict in told), None
        paths = told[0].paths[:1]
    else:
        confidence, answer = (
            join_confidences([verdict.confidence for verdict in told]),
            found[0] if one else None,
        )
        paths = tuple(dict.fromkeys(path for verdict in told for path in verdict.paths))
    return Verdict(
        name, told[0].opinion, confidence, reason, answer, tokens, failure, paths, evidence
    )
