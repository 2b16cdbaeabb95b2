# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import bz2
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from burnish.corpora.errors import SourceError
from burnish.corpora.wikipedia.passages import Article, ArticleSection, Passage
from burnish.corpora.wikipedia.sources import open_wiki
from burnish.corpora.wikipedia.wikitext import sections_of_plain, sections_of_wikitext

_PAGE = """<page><title>{title}</title><ns>{ns}</ns><id>{id}</id>{redirect}
<revision><id>1{id}</id><timestamp>2020-01-01T00:00:00Z</timestamp><model>wikitext</model>
<format>text/x-wiki</format><text bytes="9" xml:space="preserve">{text}</text></revision></page>"""
_DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11">
<siteinfo><sitename>Wikipedia</sitename><dbname>enwiki</dbname>
<namespaces><namespace key="0" case="first-letter"/>
<namespace key="1" case="first-letter">Talk</namespace></namespaces></siteinfo>
{pages}</mediawiki>"""
WIKITEXT = (
    "{{Infobox}}'''Vessen''' is a [[city|town]] in [[Marra]].&lt;ref&gt;A source.&lt;/ref&gt;"
    " [[File:Map.png|thumb|A map]]\n\n== History ==\nIt was ''founded'' in 1204.\n"
    "{| class=\"wikitable\"\n| cell\n|}\n== References ==\n* [[Book]]\n[[Category:Towns]]"
)  # fmt: skip


def dump(folder: Path, name: str = "dump.xml") -> Path:
    pages = [
        _PAGE.format(title="Vessen", ns=0, id=5, redirect="", text=WIKITEXT),
        _PAGE.format(title="Talk:Vessen", ns=1, id=6, redirect="", text="Chatter."),
        _PAGE.format(
            title="Wessen", ns=0, id=7, redirect='<redirect title="Vessen" />',
            text="#REDIRECT [[Vessen]]",
        ),
    ]  # fmt: skip
    data = _DUMP.format(pages="\n".join(pages)).encode()
    path = folder / name
    path.write_bytes(bz2.compress(data) if name.endswith(".bz2") else data)
    return path


VESSEN = Article(
    "5",
    "Vessen",
    (
        ArticleSection("", "Vessen is a town in Marra."),
        ArticleSection("History", "It was founded in 1204."),
    ),
)


@pytest.mark.parametrize("name", ["dump.xml", "dump.xml.bz2"])
def test_a_dump_gives_articles_without_markup_redirects_and_talk(tmp_path: Path, name: str) -> None:
    assert list(open_wiki(str(dump(tmp_path, name))).items()) == [VESSEN]


def test_a_dump_that_was_cut_short_is_told_in_one_line(tmp_path: Path) -> None:
    path = dump(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError, match="fetch it again") as told:
        list(open_wiki(str(path)).items())
    assert "\n" not in str(told.value)
    packed = dump(tmp_path, "dump.xml.bz2")
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(SourceError, match="fetch it again"):
        list(open_wiki(str(packed)).items())


def test_a_folder_of_parquet_gives_articles_with_their_headings(tmp_path: Path) -> None:
    text = "Vessen is a town.\n\nHistory\n\nIt was founded in 1204.\n\nSee also\nMarra"
    table = pa.table({"id": ["5"], "url": ["u"], "title": ["Vessen"], "text": [text]})
    pq.write_table(table, tmp_path / "train-00000-of-00001.parquet")
    (article,) = open_wiki(str(tmp_path)).items()
    assert article == Article(
        "5", "Vessen",
        (
            ArticleSection("", "Vessen is a town."),
            ArticleSection("History", "It was founded in 1204."),
        ),
    )  # fmt: skip


def test_a_short_sentence_is_no_heading() -> None:
    assert sections_of_plain("It rained.\n\nIt snowed.") == (
        ArticleSection("", "It rained.\nIt snowed."),
    )


def test_nested_templates_leave_no_braces() -> None:
    (section,) = sections_of_wikitext("A {{b|{{c}}}} d.{{e")
    assert section.text.startswith("A d.")


def test_the_table_of_dpr_gives_its_passages(tmp_path: Path) -> None:
    path = tmp_path / "psgs_w100.tsv.gz"
    path.write_bytes(gzip.compress(b'id\ttext\ttitle\n1\t"He said ""no""."\tAaron\n2\tPlain.\tB\n'))
    assert list(open_wiki(str(path)).items()) == [
        Passage("1", "Aaron", "", 'He said "no".'),
        Passage("2", "B", "", "Plain."),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", '{"text": "fine"}\n{"title": "no text"}\n', "row 2: no text in it"),
        ("a.jsonl", "{\n", "row 1: not JSON"),
        ("a.tsv", "1\tonly two\n", "row 1: 2 columns"),
        ("a.doc", "x", "not a known kind"),
    ],
)
def test_bad_sources_are_told_in_one_line(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(SourceError, match=reason) as told:
        list(open_wiki(str(path)).items())
    assert "\n" not in str(told.value)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_wiki(str(tmp_path / "none.jsonl"))
    with pytest.raises(SourceError, match="no parquet file"):
        open_wiki(str(tmp_path))
