"""What a version of a run leaves out: `--without kind=value`, for every kind of record."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from burnish.corpora.errors import UsageError
from burnish.corpora.records import Outcome
from burnish.tools.text.visible import shown

Row = TypeVar("Row")
ALL = "all"
_NAMED = 20


class Without(NamedTuple):
    """One thing that is left out."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Filters(Generic[Row]):
    """What can be left out of the versions of one kind of run."""

    kinds: tuple[str, ...]
    everything: tuple[Outcome, ...]
    """Outcomes that `all` stands for."""
    values: Callable[[Row], Mapping[str, Collection[str]]]
    """What a ledger row is called, by kind; empty for rows that nothing was decided about."""

    def parse(self, text: str) -> tuple[Without, ...]:
        """Read one `--without`, such as `reason=nav`; `all` stands for everything that was done.

        Raises:
            UsageError: it is not of the form kind=value, or the kind is unknown.
        """
        if text == ALL:
            return tuple(Without("outcome", name) for name in self.everything)
        kind, equals, value = text.partition("=")
        if not equals or kind not in self.kinds or not value:
            forms = ", ".join(f"{name}=…" for name in self.kinds)
            raise UsageError(f"--without {shown(text)}: write one of {forms}, or all")
        return (Without(kind, value),)

    def read(self, texts: Sequence[str], rows: Iterable[Row]) -> tuple[Without, ...]:
        """Read every `--without` and check that the run has something that it leaves out.

        Raises:
            UsageError: one cannot be read, or matches nothing; the line names what there is.
        """
        wanted = [(text, self.parse(text)) for text in texts]
        if wanted:
            self._check([one for text, held in wanted for one in held if text != ALL], rows)
        return tuple(dict.fromkeys(one for _, held in wanted for one in held))

    def _check(self, without: Sequence[Without], rows: Iterable[Row]) -> None:
        ids = {one.value for one in without if one.kind == "record"}
        known: dict[str, set[str]] = {kind: set() for kind in self.kinds}
        for row in rows:
            for kind, values in self.values(row).items():
                # Of ids only those that are asked for: there may be millions.
                known[kind].update(ids.intersection(values) if kind == "record" else values)
        for kind, value in without:
            if value not in known[kind]:
                told = _tell_known(kind, known[kind])
                raise UsageError(f"--without {shown(f'{kind}={value}')}: {told}")

    def leave_out(self, without: Sequence[Without], row: Row) -> list[Without]:
        """Return the filters that name this row."""
        values = self.values(row)
        return [one for one in without if one.value in values.get(one.kind, ())]


def _tell_known(kind: str, known: set[str]) -> str:
    if kind == "record":
        return "the run decided on no record with this id"
    names = sorted(shown(name) for name in known if name)
    there = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"the run has no such {kind}; it has {there or 'none'}"
