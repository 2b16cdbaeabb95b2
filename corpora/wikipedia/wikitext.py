"""Plain sections out of wikitext and out of the plain texts of `wikimedia/wikipedia`."""

# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import re
from collections.abc import Iterator
from typing import IO
from xml.etree import ElementTree

from burnish.corpora.errors import SourceError
from burnish.corpora.wikipedia.passages import Article, ArticleSection

_HEADING_CHARS = 80
_LEFT_OUT = frozenset({
    "bibliography", "external links", "further reading", "gallery", "notes", "notes and references",
    "references", "see also", "sources",
})  # fmt: skip
"""Sections without sentences that could support anything."""
_NO_TEXT_LINK = re.compile(r"^\s*:?(file|image|category|media)\s*:", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\u00a0]+")
_EMPTY_BRACKETS = re.compile(r"\(\s*[;,]?\s*\)")
_MARKUP = re.compile(r"^[*#:;]+\s*|'{2,}", re.MULTILINE)


def sections_of_plain(text: str) -> tuple[ArticleSection, ...]:
    """Split a plain article: a short line of its own without a final stop is a heading."""
    found: list[ArticleSection] = []
    title, body = "", list[str]()
    for block in text.split("\n\n"):
        head, _, rest = block.strip().partition("\n")
        if _is_heading(head):
            _add(found, title, body)
            title, body = head.strip(), [rest]
        else:
            body.append(block)
    _add(found, title, body)
    return tuple(found)


def _is_heading(line: str) -> bool:
    words = line.strip()
    return (
        0 < len(words) <= _HEADING_CHARS
        and words[-1] not in ".!?:;,\"'\u201d)"
        and (not words.startswith(("-", "*", "\u2022")))
    )


def _add(found: list[ArticleSection], title: str, body: list[str]) -> None:
    text = "\n".join(part.strip() for part in body if part.strip())
    if text and title.lower() not in _LEFT_OUT:
        found.append(ArticleSection(title, text))


def articles_of_dump(file: IO[bytes], name: str) -> Iterator[Article]:
    """Read the articles of an XML dump: no redirects, only the main namespace, last revisions.

    Raises:
        ModuleNotFoundError: mwparserfromhell is not installed.
        SourceError: the dump is no XML or ends before its time.
    """
    try:
        # Expat bounds how far entities may swell; dumps declare none.
        events = ElementTree.iterparse(file, events=("start", "end"))  # noqa: S314
        _, root = next(events)
        for event, element in events:
            if event == "end" and element.tag.endswith("}page"):
                article = _article_of(element)
                root.clear()
                if article is not None:
                    yield article
    except (ElementTree.ParseError, StopIteration) as error:
        reason = str(error).partition("\n")[0] or "empty"
        raise SourceError(f"{name}: not a whole XML dump ({reason}); fetch it again") from None


def _article_of(page: ElementTree.Element) -> Article | None:
    if page.findtext("{*}ns", "0") != "0" or page.find("{*}redirect") is not None:
        return None
    texts = page.findall("{*}revision/{*}text")
    wikitext = (texts[-1].text if texts else None) or ""
    if not wikitext or wikitext[:9].upper() == "#REDIRECT":
        return None
    number, title = page.findtext("{*}id", ""), page.findtext("{*}title", "")
    return Article(number, title, sections_of_wikitext(wikitext))


def sections_of_wikitext(text: str) -> tuple[ArticleSection, ...]:
    """Strip wikitext of templates, references, tables, pictures and categories.

    Raises:
        ModuleNotFoundError: mwparserfromhell is not installed.
    """
    import mwparserfromhell

    found: list[ArticleSection] = []
    code = mwparserfromhell.parse(text, skip_style_tags=True)
    for part in code.get_sections(flat=True, include_lead=True, include_headings=True):
        title = ""
        for heading in part.filter_headings(recursive=False):
            title = str(heading.title.strip_code()).strip()
            part.remove(heading)
        for link in part.filter_wikilinks(recursive=True):
            if _NO_TEXT_LINK.match(str(link.title)):
                _drop(part, link)
        for tag in part.filter_tags(recursive=True, matches=_is_table):
            _drop(part, tag)
        plain = str(part.strip_code(normalize=True, collapse=True))
        _add(found, title, _cleaned(plain).split("\n"))
    return tuple(found)


def _is_table(tag: object) -> bool:
    return str(getattr(tag, "tag", "")).lower() in {"table", "ref", "gallery", "math"}


def _drop(part: object, node: object) -> None:
    """Remove a node, unless it went with the node that held it."""
    remove = getattr(part, "remove", None)
    try:
        if remove is not None:
            remove(node)
    except ValueError:
        return


def _cleaned(plain: str) -> str:
    return _BLANKS.sub(" ", _EMPTY_BRACKETS.sub("", _MARKUP.sub("", plain)))
