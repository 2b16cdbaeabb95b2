"""Units of answers: which quantities they measure, and how they convert.

A unit is a factor and a dimension (powers of base kinds). Degrees of temperature are kinds of their
own, since they do not convert by a factor; so are currencies among one another. A word that is no
known unit (`24 clips`) counts as a label.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

Dimension = tuple[tuple[str, int], ...]
"""Base kinds with their powers, sorted, none zero."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What stands behind a number."""

    factor: Fraction
    """How many base units one of it is."""
    dimension: Dimension
    known: bool = True
    """False for a label: two different labels may well mean the same."""


PERCENT = Unit(Fraction(1, 100), ())

_F = Fraction
_TABLE: dict[str, tuple[tuple[str, Fraction], ...]] = {
    "length": (
        ("nm nanometer nanometre", _F(1, 10**9)),
        ("mm millimeter millimetre", _F(1, 1000)), ("cm centimeter centimetre", _F(1, 100)),
        ("m meter metre", _F(1)), ("km kilometer kilometre", _F(1000)),
        ("in inch inches", _F(254, 10000)), ("ft foot feet", _F(3048, 10000)),
        ("yd yard", _F(9144, 10000)), ("mi mile", _F(1609344, 1000)),
    ),
    "mass": (
        ("mg milligram", _F(1, 1_000_000)), ("g gram", _F(1, 1000)),
        ("kg kilogram kilo", _F(1)), ("lb lbs pound", _F(45359237, 100_000_000)),
        ("oz ounce", _F(45359237, 1_600_000_000)),
    ),
    "time": (
        ("ms millisecond", _F(1, 1000)), ("s sec second", _F(1)), ("min minute", _F(60)),
        ("h hr hour", _F(3600)), ("day", _F(86400)), ("week", _F(604800)),
    ),
    "calendar": (("month", _F(1)), ("yr year", _F(12)), ("decade", _F(120)),
                 ("century centuries", _F(1200))),
    "volume": (
        ("ml mL milliliter millilitre", _F(1, 1000)), ("l L liter litre", _F(1)),
        ("cup", _F(2365882365, 10**10)), ("pint", _F(473176473, 10**9)),
        ("quart", _F(946352946, 10**9)), ("gal gallon", _F(3785411784, 10**9)),
    ),
    "usd": (("$ usd dollar buck", _F(1)), ("¢ cent", _F(1, 100))),
    "eur": (("€ eur euro", _F(1)),),
    "gbp": (("£ gbp quid", _F(1)), ("pence penny", _F(1, 100))),
    "jpy": (("¥ jpy yen", _F(1)),),
    "inr": (("₹ inr rs rupee", _F(1)), ("paise", _F(1, 100))),
    "celsius": (("celsius °c", _F(1)),),
    "fahrenheit": (("fahrenheit °f", _F(1)),),
    "kelvin": (("K kelvin", _F(1)),),
    "angle": (("degree deg", _F(1)),),
    "radian": (("rad radian", _F(1)),),
    "current": (("A amp ampere", _F(1)),),
    "force": (("N newton", _F(1)),),
    "energy": (("J joule", _F(1)), ("kJ kilojoule", _F(1000))),
    "power": (("W watt", _F(1)), ("kW kilowatt", _F(1000))),
    "voltage": (("V volt", _F(1)),),
    "frequency": (("Hz hz hertz", _F(1)), ("kHz khz", _F(1000)), ("MHz mhz", _F(10**6)),
                  ("GHz ghz", _F(10**9))),
    "data": (("bit", _F(1)), ("B byte", _F(8))),
}  # fmt: skip

_DEGREES = re.compile(r"degrees? ?(c|celsius|f|fahrenheit|k)\b", re.IGNORECASE)
_SCALE_NAMES = {"c": "celsius", "f": "fahrenheit", "k": "kelvin"}

_SPECIAL = {
    "mph": "mile/hour", "kph": "km/hour", "kmph": "km/hour", "kmh": "km/hour", "sq": "square",
}  # fmt: skip


def _by_name() -> dict[str, tuple[str, Fraction]]:
    found: dict[str, tuple[str, Fraction]] = {}
    for kind, units in _TABLE.items():
        for names, factor in units:
            for name in names.split():
                found[name] = (kind, factor)
                if len(name) > 2 or name == "hr":
                    found[f"{name}s"] = (kind, factor)
    return found


_KNOWN = _by_name()
_PART = re.compile(
    r"\s*(\*|/|per\b|an\b|a\b|of\b)?\s*([^\W\d_]+|[$€£¥₹¢%])\s*(?:\^\(?(-?\d)\)?)?\.?"
)


@lru_cache(maxsize=4096)
def unit_of(text: str) -> Unit | None:
    """Read `km/h`, `square feet`, `m^2`, `dollars per week`, `clips`; None for anything else."""
    text = text.strip().replace("-", " ")
    text = _DEGREES.sub(lambda found: _SCALE_NAMES[found[1][0].casefold()], text)
    if text.casefold() in {"%", "percent", "per cent", "pct", "percentage"}:
        return PERCENT
    factor, powers, known = Fraction(1), dict[str, int](), True
    pending, at, sign = 1, 0, 1
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or found.end() == at:
            return None
        at = found.end()
        joint, word, power = found[1], _SPECIAL.get(found[2].casefold(), found[2]), found[3]
        sign = -1 if joint in {"/", "per"} else 1
        if (raised := _raised(word)) > 1:
            pending *= raised
            continue
        for inverse, name in _pieces(word):
            single = _single(name)
            if single is None:
                return None
            kind, size, sure = single
            exponent = sign * inverse * pending * int(power or 1)
            powers[kind] = powers.get(kind, 0) + exponent
            factor *= size**exponent
            known = known and sure
        pending = 1
    return Unit(factor, tuple(sorted(item for item in powers.items() if item[1])), known)


def _raised(word: str) -> int:
    return {"square": 2, "squared": 2, "cubic": 3}.get(word.casefold(), 1)


def _pieces(word: str) -> list[tuple[int, str]]:
    first, *rest = word.split("/")
    return [(1, first), *((-1, name) for name in rest)]


def _single(word: str) -> tuple[str, Fraction, bool] | None:
    """Return kind, factor and whether the word is a known unit; None for a name in a formula."""
    found = _KNOWN.get(word) or _KNOWN.get(word.casefold())
    if found is not None:
        return (*found, True)
    label = word.casefold()
    if len(label) < 3:
        return None
    if len(label) > 3:
        label = label.removesuffix("s")
    return f"label {label}", Fraction(1), False
