"""What several programs' answers say of a key: groups of equal answers, and a vote with doubt.

The confidence is the share of the largest group with one more vote counted against it, t / (n + 1):
a lone program is worth 1/2, four of four 4/5. Programs without an answer count in n.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from burnish.corpora.records import Opinion
from burnish.tools.answers.compare import Relation


@dataclass(frozen=True, slots=True)
class Ballot:
    """One program's answer."""

    answer: str | None
    """None where the program gave none."""
    key: Relation
    """How it stands to the keyed answer."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What the ballots come to."""

    opinion: Opinion
    confidence: float
    found: str | None
    reason: str


def vote(ballots: Sequence[Ballot], groups: Sequence[Sequence[int]], *, agreeing: int) -> Vote:
    """Decide by plurality; reject only where nothing speaks for the key.

    The key is accepted where no other answer has more votes. It is rejected where one other answer
    is the most frequent, has at least `agreeing` votes, and no program found the key.

    Args:
        ballots: one for each program.
        groups: places of ballots with equal answers; each answered ballot is in one group.
        agreeing: votes a rejection needs; where fewer programs were asked for, all of them.
    """
    total = len(ballots)
    if not groups:
        return Vote("abstain", 0.0, None, "no program gave an answer")
    ranked = sorted(groups, key=len, reverse=True)
    top = ranked[0]
    found = ballots[top[0]].answer
    favouring = sum(ballot.key == "same" for ballot in ballots)
    others = [len(group) for group in groups if ballots[group[0]].key != "same"]
    # A key found by as many as any other answer stands: it has the data set's own word besides.
    if favouring and favouring >= max(others, default=0):
        confidence = favouring / (total + 1)
        keyed = next(ballot.answer for ballot in ballots if ballot.key == "same")
        return Vote("accept", confidence, keyed, f"{favouring} of {total} programs find the key")
    if favouring:
        return Vote("abstain", 0.0, found, "the programs disagree, and some find the key")
    if len(ranked) > 1 and len(ranked[1]) == len(top):
        return Vote("abstain", 0.0, None, "the programs disagree")
    # One comparison that could not be made is enough doubt to leave the key alone.
    if any(ballots[place].key != "different" for place in top):
        return Vote("abstain", 0.0, found, "whether the answer is the keyed one cannot be told")
    if len(top) < min(agreeing, total):
        return Vote("abstain", 0.0, found, f"only {len(top)} of {total} programs agree")
    reason = f"{len(top)} of {total} programs agree on another answer"
    return Vote("reject", len(top) / (total + 1), found, reason)
