from pathlib import Path

import pytest

from burnish.corpora.errors import UsageError
from burnish.graphs.commands.inputs import check_flags
from burnish.graphs.runs.settings import load

DOCUMENTS, QUESTIONS = '{"text": "one"}\n', '{"question": "why?", "answer": "so"}\n'


@pytest.mark.parametrize(
    ("row", "name", "words"),
    [
        (DOCUMENTS, "qa.target", "--target"),
        (DOCUMENTS, "qa.reserve", "--reserve"),
        (DOCUMENTS, "qa.labels", "--labels"),
        (QUESTIONS, "llm.mode", "--mode"),
        (QUESTIONS, "fields.text", "--set qa.question"),
    ],
)
def test_a_flag_for_the_other_kind_is_refused_and_never_ignored(
    tmp_path: Path, row: str, name: str, words: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(row, "utf-8")
    check_flags(str(path), "auto", load((), ()), {name: None})
    with pytest.raises(UsageError, match=f"{words}.*leave it out"):
        check_flags(str(path), "auto", load((), ()), {name: "given"})
