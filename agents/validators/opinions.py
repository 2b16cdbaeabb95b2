"""How the opinions of independent paths join: agreement strengthens, conflict abstains."""

from collections.abc import Sequence
from math import prod

from burnish.corpora.records import Verdict
from burnish.tools.answers.compare import compare


def join_confidences(confidences: Sequence[float]) -> float:
    """Return the confidence of independent voices that agree: one minus the product of doubts."""
    return 1.0 - prod(1.0 - confidence for confidence in sorted(confidences))


def are_alike(answers: Sequence[str]) -> bool:
    """Tell whether there is an answer and all others say the same."""
    return bool(answers) and all(compare(answers[0], other).same for other in answers[1:])


def join_verdicts(name: str, verdicts: Sequence[Verdict]) -> Verdict:
    """Join what one validator learned on several paths into its verdict.

    Abstentions give way to opinions; an accept against a reject is an abstention. Two rejects that
    found different answers stay a reject without an answer, and count as a single path.
    """
    evidence = tuple(piece for verdict in verdicts for piece in verdict.evidence)
    tokens = sum(verdict.tokens for verdict in verdicts)
    failure = "; ".join(verdict.failure for verdict in verdicts if verdict.failure)
    sure = [verdict for verdict in verdicts if verdict.opinion != "abstain"]
    reason = "; ".join(verdict.reason for verdict in sure or verdicts)
    opinions = {verdict.opinion for verdict in sure}
    if len(opinions) != 1:
        words = f"the paths contradict each other: {reason}" if sure else reason
        return Verdict(name, "abstain", 0.0, words, None, tokens, failure, (), evidence)
    answers = [verdict.found for verdict in sure if verdict.found is not None]
    one = are_alike(answers)
    if sure[0].opinion == "reject" and not one:
        confidence, answer = max(verdict.confidence for verdict in sure), None
        paths = sure[0].paths[:1]
    else:
        confidence, answer = (
            join_confidences([verdict.confidence for verdict in sure]),
            answers[0] if one else None,
        )
        paths = tuple(dict.fromkeys(path for verdict in sure for path in verdict.paths))
    return Verdict(
        name, sure[0].opinion, confidence, reason, answer, tokens, failure, paths, evidence
    )
