"""What an error reply means: its kind, whether tokens may have been spent, when to come back."""

import email.utils
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from burnish.corpora.errors import ModelError, ModelFailure

_BY_STATUS: dict[int, ModelFailure] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "missing",
    408: "timeout",
    409: "overloaded",
    413: "too_long",
    425: "overloaded",
    429: "rate_limited",
    501: "unsupported",
    503: "overloaded",
    529: "overloaded",
}
_QUOTA = frozenset({
    "insufficient_quota", "quota_exceeded", "billing_hard_limit_reached", "billing_not_active",
    "insufficient_balance", "insufficient_credits",
})  # fmt: skip
_TOO_LONG = frozenset({"context_length_exceeded", "string_above_max_length", "context_window"})
_TOO_LONG_WORDS = re.compile(
    r"context (?:length|window)|too many tokens|prompt is too long", re.IGNORECASE
)
_SAFE_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,47}|\d{1,4}")
_CHARGED = frozenset({"timeout", "connection", "server", "malformed"})
_MENDS: dict[str, str] = {
    "auth": "check the key's environment variable",
    "missing": "check the URL and the model's name",
    "too_long": "shorten the window or raise the server's context length",
    "quota": "wait or top up, then continue the run",
    "unsupported": "the server cannot do this; choose another method",
}


def classify(
    status: int,
    codes: Sequence[str],
    message: str,
    raw: str,
    *,
    retry_after: float | None = None,
    within_reply: bool = False,
) -> ModelError:
    """Return the error for an HTTP status and the server's own codes.

    `message` only helps to choose the kind: servers repeat prompts and keys in it, so it is not
    repeated here.
    """
    kind = _kind(status, codes, message)
    shown = [code for code in codes if _SAFE_CODE.fullmatch(code)]
    text = f"model server: HTTP {status}" + (f" ({', '.join(shown)})" if shown else "")
    mend = _MENDS.get(kind)
    return ModelError(
        kind,
        f"{text}: {mend}" if mend else text,
        status=status,
        retry_after=retry_after,
        charged=within_reply or kind in _CHARGED or "failed_generation" in raw,
        raw=raw,
    )


def _kind(status: int, codes: Sequence[str], message: str) -> ModelFailure:
    if status in {400, 403, 429} and not _QUOTA.isdisjoint(codes):
        return "quota"
    if status in {400, 422} and (
        not _TOO_LONG.isdisjoint(codes) or _TOO_LONG_WORDS.search(message)
    ):
        return "too_long"
    return _BY_STATUS.get(status, "server" if status >= 500 else "rejected")


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds a reply's headers ask to wait (`retry-after-ms`, `Retry-After`)."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        when = _date(value)
        return (
            None if when is None else max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
        )
    return seconds if 0 <= seconds < float("inf") else None


def _date(value: str) -> datetime | None:
    try:
        when = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
