r"""Write answers plainly: LaTeX, typographic signs and lead-ins become a small ASCII language.

`\frac{1}{2}` becomes `(1)/(2)`, `2½` becomes `2 1/2`, `√3` becomes `sqrt(3)`, `\boxed{…}` its
content. What has no plain form stays as it is, and the answer is then compared as text.
"""

import re
import unicodedata
from functools import lru_cache

from burnish.corpora.questions.boxed import boxed_span

MOST_CHARS = 2000
"""Longer answers are compared as text only."""

_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SIGNS = str.maketrans({
    "\u2212": "-", "\u2013": "-", "\u2012": "-", "\u2010": "-", "\u2011": "-", "\u00d7": "*",
    "\u22c5": "*", "\u00b7": "*", "\u2217": "*", "\u00f7": "/", "\u2044": "/", "\u2215": "/",
    "\u221e": " oo ", "\u03c0": " pi ", "\u2264": "<=", "\u2265": ">=", "\u00b0": " degrees ",
    "\u2248": "~", "\u2032": "'", "\u2033": "''", "\u2034": "'''", "\u201c": '"',
    "\u201d": '"', "\u2018": "'", "\u2019": "'",
    "\u222a": " \u222a ",
})  # fmt: skip
_COMMANDS = {
    "times": "*", "cdot": "*", "ast": "*", "div": "/", "pi": " pi ", "infty": " oo ", "le": "<=",
    "leq": "<=", "ge": ">=", "geq": ">=", "lt": "<", "gt": ">", "approx": "~",
    "cup": " \u222a ", "in": " \u2208 ", "emptyset": "{}",
    "left": "", "right": "", "displaystyle": "", "quad": " ", "qquad": " ", "circ": " degrees ",
    "euro": "€", "pounds": "£", "sin": "sin", "cos": "cos", "tan": "tan", "log": "log", "ln": "ln",
    "exp": "exp", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan",
}  # fmt: skip
_WRAPPERS = ("text", "textbf", "textit", "mathrm", "mathbf", "mathit", "mbox", "operatorname")
_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:(?:final|correct)\s+)?answer\s*(?:is|=|:)"
    r"\s*|(?:approximately|approx\.?|about|roughly|nearly|~)\s*|=\s*|[A-Za-z]\s*\u2208\s*"
    r"|(?P<name>[A-Za-z])\s*=(?!=)(?!.*(?<![<>=!])=(?!=))\s*",
    re.IGNORECASE,
)
# A prime belongs to a symbol (a letter, capitals, a figure, a bracket), not to a word or its end.
_PRIME = re.compile(
    r"(?<=[^\W_]|[)\]}])(?<![^\W\d_][a-z])(?<!'[a-z])(?:'+|\"(?=$))(?![a-z]|[^\W\d_][a-z])"
)
_PRIME_SIGNS = re.compile(r"\^\s*\{?((?:\s*\\prime)+)\s*\}?")
_QUOTED = re.compile(r"(\*+|'+|\"+|`+)(.+?)\s*\1", re.DOTALL)
_SUPERSCRIPT = re.compile(r"[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_ROOT_SIGN = re.compile(r"√\s*(\d+(?:\.\d+)?|[A-Za-z])?")
_EXCLAIMED = re.compile(r"(?<=[^\W\d_]{2})!+$")
_BRACED = re.compile(r"\^\s*\{([^{}]*)\}")
_SIMPLE_POWER = re.compile(r"\^\((\d+|[A-Za-z])\)(?!\d|\.\d)")
_SPACES = re.compile(r"\s+")
_LAYOUT = re.compile(r"\\[,;:! ]|~(?=\\)")


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Return an answer in plain signs, without lead-ins such as `x =` or `the answer is`."""
    if len(text) > MOST_CHARS:
        return folded(text)
    return _trimmed(_in_plain_signs(text))[0]


def name_of(text: str) -> str:
    """Return the letter that an answer gives a value to, as `x` in `x = 7`; empty where none."""
    if len(text) > MOST_CHARS:
        return ""
    return _trimmed(_in_plain_signs(text))[1]


def primes_of(text: str) -> tuple[str, int]:
    """Return a plain text without the primes of its symbols, and how many those are.

    `f'(x)` has one; the apostrophe of `Newton's` is none.
    """
    found = _PRIME.findall(text)
    return _PRIME.sub("", text), sum(2 if sign == '"' else len(sign) for sign in found)


def _in_plain_signs(text: str) -> str:
    if (box := boxed_span(text)) is not None:
        text = text[slice(*box)]
    text = _signs(_without_dollars(text.strip().rstrip(".")))
    if "\\" in text:
        text = _without_latex(text)
    text = _BRACED.sub(r"^(\1)", text)
    text = _SIMPLE_POWER.sub(r"^\1", text)
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def folded(text: str) -> str:
    """Return a text for comparing words: without case, articles, quotes and punctuation at ends."""
    text = _SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip(" ,;:?").rstrip(".")
    text = _without_quotes(text).strip(" ,;:?").rstrip(".").casefold()
    text = _EXCLAIMED.sub("", text)
    return re.sub(r"^(?:the|an|a) (?=\S)", "", text)


def singular(word: str) -> str:
    """Return a folded English word without the ending of the plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "siu" else word


def _trimmed(text: str) -> tuple[str, str]:
    """Return a text without lead-ins, end marks and quotes, and the name its value was given."""
    name = ""
    for _ in range(4):
        before = text
        if lead := _LEAD.match(text):
            name, text = lead["name"] or name, text[lead.end() :]
        text = _EXCLAIMED.sub("", text.rstrip(".;")).strip()
        text = _without_dollars(_without_quotes(text))
        if text == before:
            break
    return text, name


def _without_quotes(text: str) -> str:
    """Take quotes off: pairs around the text, and single ones that are no primes."""
    while pair := _QUOTED.fullmatch(text):
        text = pair[2].strip()
    text = text.lstrip("\"'`* ")
    bare = text.rstrip("\"'`* ")
    return text if primes_of(text)[1] > primes_of(bare)[1] else bare


def _signs(text: str) -> str:
    for sign, written in _VULGAR.items():
        text = text.replace(sign, f" {written}")
    text = _SUPERSCRIPT.sub(lambda found: f"^({found[0].translate(_SUPERSCRIPTS)})", text)
    text = _ROOT_SIGN.sub(lambda found: f"sqrt({found[1]})" if found[1] else "sqrt", text)
    return text.translate(_SIGNS)


def _without_dollars(text: str) -> str:
    r"""Take away `$…$` and `\(…\)` around a formula; a single dollar sign is money."""
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        long = len(text) > len(opening) + len(closing)
        if long and text.startswith(opening) and text.endswith(closing):
            return text[len(opening) : -len(closing)].strip()
    return text


def _without_latex(text: str) -> str:
    text = text.replace(r"\$", "$").replace(r"\%", "%").replace(r"\{", "{").replace(r"\}", "}")
    text = _LAYOUT.sub(" ", text)
    text = _PRIME_SIGNS.sub(lambda found: "'" * found[1].count("prime"), text)
    text = re.sub(r"\^\s*\{?\s*\\circ\s*\}?", " degrees ", text)
    text = _structures(text)
    return _COMMAND.sub(lambda found: _COMMANDS.get(found[1], found[0]), text)


def _structures(text: str) -> str:
    """Rewrite fractions, roots and words in braces, from the innermost (last) to the first."""
    for _ in range(60):
        found = list(_COMMAND.finditer(text))
        for command in reversed(found):
            rewritten = _structure(text, command)
            if rewritten is not None:
                text = rewritten
                break
        else:
            return text
    return text


def _structure(text: str, command: re.Match[str]) -> str | None:
    name, head = command[1], text[: command.start()]
    if name in {"frac", "dfrac", "tfrac", "cfrac"}:
        top, at = _argument(text, command.end())
        bottom, at = _argument(text, at)
        simple = top.isdecimal() and bottom.isdecimal()
        if simple and head.rstrip()[-1:].isdecimal():
            return f"{head} {top}/{bottom}{text[at:]}"
        return f"{head}({top})/({bottom}){text[at:]}"
    if name == "sqrt":
        root = re.match(r"\s*\[(\d+)\]", text[command.end() :])
        content, at = _argument(text, command.end() + (root.end() if root else 0))
        inner = f"({content})^(1/{root[1]})" if root else f"sqrt({content})"
        return head + inner + text[at:]
    if name in _WRAPPERS:
        content, at = _argument(text, command.end())
        return f"{head} {content.strip()} {text[at:]}"
    return None


def _argument(text: str, at: int) -> tuple[str, int]:
    """Return what a command acts on (a group or one character) and where it ends."""
    while at < len(text) and text[at] == " ":
        at += 1
    if at < len(text) and text[at] == "{":
        return _group(text, at)
    return text[at : at + 1], min(at + 1, len(text))


def _group(text: str, at: int) -> tuple[str, int]:
    """Return the content of the braces that open at `at`, and the place after them."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[at + 1 : place], place + 1
    return text[at + 1 :], len(text)
