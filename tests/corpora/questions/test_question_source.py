# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.corpora.errors import SourceError
from burnish.corpora.questions.answer_records import Answer
from burnish.corpora.questions.columns import Layout
from burnish.corpora.questions.items import read_item, to_row
from burnish.corpora.questions.question_source import (
    BadRow,
    QuestionFields,
    QuestionRow,
    QuestionSource,
    open_questions,
    table_of,
)
from burnish.corpora.readers.rows import RowSelection
from burnish.corpora.storage.writers import write_table
from tests.support.places import DATA

Row = Mapping[str, object]
CHOICES = ["red", "green", "blue"]
ENTRIES = [{"label": label, "text": t} for label, t in zip("ABC", CHOICES, strict=True)]


def saved(folder: Path, *rows: Row, name: str = "set.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def good(source: QuestionSource) -> list[QuestionRow]:
    rows = list(source.rows())
    assert all(isinstance(row, QuestionRow) for row in rows)
    return cast("list[QuestionRow]", rows)


def only(folder: Path, *rows: Row, fields: QuestionFields | None = None) -> QuestionRow:
    source = open_questions(saved(folder, *rows), fields or QuestionFields())
    return good(source)[0]


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ({"choices": CHOICES, "answer": 1}, 1),
        ({"options": CHOICES, "answer": "B"}, 1),
        ({"choices": CHOICES, "answer": "green"}, 1),
        ({"choices": CHOICES, "answer": "1"}, 1),
        ({"choices": {"text": CHOICES, "label": ["1", "2", "3"]}, "answerKey": "2"}, 1),
        (
            {
                "choices": [
                    {"label": label, "text": t} for label, t in zip("ABC", CHOICES, strict=True)
                ],
                "answer": "A",
            },
            0,
        ),
        ({"options": {"A": "red", "B": "green", "C": "blue"}, "answer": "C"}, 2),
        ({"A": "red", "B": "green", "C": "blue", "answer": "C"}, 2),
        ({"option_a": "red", "option_b": "green", "option_c": "blue", "answer": "c"}, 2),
        ({"choice1": "red", "choice2": "green", "choice3": "blue", "label": 0}, 0),
        ({"options": ["A)red", "B)green", "C)blue"], "correct": "A"}, 0),
    ],
)
def test_every_form_of_choices_and_keys_is_read_and_written(
    tmp_path: Path, columns: Row, key: int
) -> None:
    row = {"question": "Which colour?", **columns}
    source = open_questions(saved(tmp_path, row))
    [found] = good(source)
    assert found.item.choices == tuple(CHOICES)
    assert (found.key, found.item.answer) == (key, CHOICES[key])
    assert to_row(found.item, source.layout) == row
    other = (key + 1) % 3
    moved = to_row(replace(found.item, answer=CHOICES[other]), source.layout)
    again = read_item(moved, source.layout, found.item.id)
    assert (again.key, again.item.answer) == (other, CHOICES[other])
    assert set(moved) == set(row)


def test_keys_that_count_from_1_are_recognised(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "choices": CHOICES, "answer": n} for n in (1, 2, 3)]
    found = good(open_questions(saved(tmp_path, *rows)))
    assert [row.key for row in found] == [0, 1, 2]


def test_a_lone_odd_key_is_read_by_the_form_of_the_others_and_kept(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "choices": CHOICES, "answer": "B"} for n in range(9)]
    rows.append({"question": "last?", "choices": CHOICES, "answer": " (c) "})
    source = open_questions(saved(tmp_path, *rows))
    last = good(source)[-1]
    assert last.key == 2
    assert to_row(last.item, source.layout) == rows[-1]


def test_a_key_that_names_no_choice_leaves_an_item_without_key(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "choices": CHOICES, "answer": n} for n in (0, 1, 7)]
    last = good(open_questions(saved(tmp_path, *rows)))[-1]
    assert last.key is None
    assert last.item.answer == "7"


@pytest.mark.parametrize("answer", [[0, 2], ["A", "B"], "A, C"])
def test_several_keys_are_told(tmp_path: Path, answer: object) -> None:
    form = 0 if answer == [0, 2] else "B"
    rows = [{"question": f"{n}?", "choices": CHOICES, "answer": form} for n in range(3)]
    odd = {"question": "odd?", "choices": CHOICES, "answer": answer}
    source = open_questions(saved(tmp_path, *rows, odd))
    last = good(source)[-1]
    assert last.several_keys
    assert last.key == 0
    assert to_row(last.item, source.layout) == odd


def test_a_rationale_before_hashes_is_split_off(tmp_path: Path) -> None:
    row = {"question": "2 + 2?", "answer": "Two and two.\n#### 4"}
    source = open_questions(saved(tmp_path, row))
    [found] = good(source)
    assert (found.item.answer, found.item.rationale) == ("4", "Two and two.")
    assert to_row(found.item, source.layout) == row
    mended = to_row(replace(found.item, answer="5"), source.layout)
    assert mended["answer"] == "Two and two.\n#### 5"


def test_a_boxed_answer_is_found_in_the_solution(tmp_path: Path) -> None:
    row = {"problem": "Half?", "solution": r"So $\boxed{\frac{1}{2}}$.", "type": "Algebra"}
    source = open_questions(saved(tmp_path, row))
    [found] = good(source)
    assert found.item.answer == r"\frac{1}{2}"
    assert found.item.domain == "Algebra"
    assert to_row(found.item, source.layout) == row
    mended = to_row(replace(found.item, answer="3"), source.layout)
    assert mended["solution"] == r"So $\boxed{3}$."


def test_a_conversation_becomes_turns_a_question_and_an_answer(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4"},
    ]
    source = open_questions(saved(tmp_path, {"messages": messages}))
    [found] = good(source)
    item = found.item
    assert (item.context, item.turns) == ("Be brief.", ("Hello", "Hi."))
    assert (item.question, item.answer) == ("2 + 2?", "4")
    assert to_row(item, source.layout) == {"messages": messages}
    told = to_row(replace(item, answer="four"), source.layout)
    assert told["messages"] == [*messages[:-1], {"role": "assistant", "content": "four"}]


def test_a_conversation_in_which_nobody_asks_is_a_bad_row(tmp_path: Path) -> None:
    talk = [{"from": "gpt", "value": "Hello?"}]
    ask = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]
    path = saved(tmp_path, {"conversations": ask}, {"conversations": talk}, {"conversations": []})
    rows = list(open_questions(path).rows())
    assert isinstance(rows[0], QuestionRow)
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert [row.row for row in bad] == [2, 3]


def test_answer_records_are_recognised_in_every_form(tmp_path: Path) -> None:
    row: Row = {
        "question": "Which?",
        "choices": CHOICES,
        "answer": 1,
        "picks": {"ada": "B", "ben": "C", "cy": "Z", "dee": None},
        "flags": {"eve": True, "fay": False},
        "gus": {"solution": "because", "is_correct": True},
        "correct_hal": 0,
        "pred_ivy": "B",
        "runs": [{"model": "jo", "correct": True}, {"model": "kim", "answer": "A"}],
    }
    found = only(tmp_path, row, row | {"question": "Which other?"})
    assert found.answers == {
        "ada": Answer(correct=True, picked=1),
        "ben": Answer(correct=False, picked=2),
        "cy": Answer(correct=False),
        "eve": Answer(correct=True),
        "fay": Answer(correct=False),
        "gus": Answer(correct=True),
        "hal": Answer(correct=False),
        "ivy": Answer(correct=True, picked=1),
        "jo": Answer(correct=True),
        "kim": Answer(correct=False, picked=0),
    }


def test_columns_of_records_can_be_named_by_pattern(tmp_path: Path) -> None:
    row = {"question": "Q?", "answer": "yes", "m_a": 1, "m_b": 0, "other": 1}
    found = only(tmp_path, row, fields=QuestionFields(records=("m_*",)))
    assert found.answers == {"m_a": Answer(correct=True), "m_b": Answer(correct=False)}


def test_other_columns_are_carried_along(tmp_path: Path) -> None:
    row = {"question": "Q?", "answer": "yes", "licence": {"name": "x"}, "n": [1, None]}
    found = only(tmp_path, row)
    assert dict(found.item.meta) == {"licence": {"name": "x"}, "n": [1, None]}


def test_rows_without_question_or_with_an_id_again_are_bad(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "One?", "answer": "1"},
        {"id": "a", "question": "Two?", "answer": "2"},
        {"id": "b", "question": "", "answer": "3"},
        {"id": "c", "question": None, "answer": "4"},
    ]
    found = list(open_questions(saved(tmp_path, *rows)).rows())
    assert [row.row for row in found if isinstance(row, BadRow)] == [2, 3, 4]
    with pytest.raises(SourceError, match=r"set.jsonl row 2: id 'a' occurs again"):
        list(open_questions(saved(tmp_path, *rows), strict=True).rows())


def test_a_set_without_question_names_its_columns_and_the_mend(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there are 'foo'; name it with --set qa\.question"):
        open_questions(saved(tmp_path, {"foo": 1}))
    with pytest.raises(SourceError, match="no column 'bar'; it has 'foo'"):
        open_questions(saved(tmp_path, {"foo": "x"}), QuestionFields(question="bar"))


def test_limit_and_sample_take_rows_in_order(tmp_path: Path) -> None:
    path = saved(tmp_path, *({"question": f"{n}?", "answer": str(n)} for n in range(50)))
    first = good(open_questions(path, selection=RowSelection(limit=3)))
    assert [row.item.question for row in first] == ["0?", "1?", "2?"]
    source = open_questions(path, selection=RowSelection(sample=7, seed=3))
    drawn = [row.row for row in good(source)]
    assert len(drawn) == 7
    assert drawn == sorted(drawn) == [row.row for row in good(source)]


def test_made_ids_differ_and_last(tmp_path: Path) -> None:
    path = saved(tmp_path, *({"question": "Same?", "answer": "x"} for _ in range(3)))
    ids = [row.item.id for row in good(open_questions(path))]
    assert len(set(ids)) == 3
    assert ids == [row.item.id for row in good(open_questions(path))]


def test_parquet_and_csv_hold_the_same_items_as_json_lines(tmp_path: Path) -> None:
    rows = [{"id": n, "question": f"{n}?", "choices": CHOICES, "answer": n % 3} for n in range(5)]
    lines = open_questions(saved(tmp_path, *rows))
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "set.parquet")
    columns = open_questions(str(tmp_path / "set.parquet"))
    cells = [
        f'{n},{n}?,"{json.dumps(CHOICES).replace(chr(34), chr(34) * 2)}",{n % 3}' for n in range(5)
    ]
    (tmp_path / "set.csv").write_text("\n".join(["id,question,choices,answer", *cells]) + "\n")
    delimited = open_questions(str(tmp_path / "set.csv"))
    items = [(row.item.id, row.item.question, row.item.choices, row.key) for row in good(lines)]
    for source in (columns, delimited):
        found = good(source)
        assert [(r.item.id, r.item.question, r.item.choices, r.key) for r in found] == items
    back = table_of(
        [to_row(row.item, columns.layout) for row in good(columns)], columns.layout, columns.schema
    )
    assert back.equals(parquet.read_table(tmp_path / "set.parquet"))


def test_edited_json_lines_are_written_with_every_other_column_as_it_was(tmp_path: Path) -> None:
    rows: Sequence[Row] = [
        {"question": "One?", "answer": "1", "x": {"a": 1}},
        {"question": "Two?", "answer": "2", "x": [1, "b"]},
    ]
    source = open_questions(saved(tmp_path, *rows))
    items = [row.item for row in good(source)]
    items[0] = replace(items[0], question="Uno?")
    out = [to_row(item, source.layout) for item in items]
    write_table(tmp_path / "out.jsonl", table_of(out, source.layout), "jsonl")
    lines = (tmp_path / "out.jsonl").read_text("utf-8").split("\n")[:-1]
    assert [json.loads(line) for line in lines] == [{**rows[0], "question": "Uno?"}, rows[1]]


@pytest.mark.parametrize(
    "name",
    [
        "mmlu/mmlu_test_dev_with_responses",
        "mmlu_pro/questions",
        "gsm8k/openai_model_solutions",
        "gsm8k/test_socratic",
        "aqua/dev",
        "bbh/bbh",
        "math_word/math_test",
        "math_word/svamp_test",
        "mmlu_redux/helm14_responses",
        "mmlu_redux/labelchaos_corruptions",
    ],
)
def test_real_sets_are_read_whole_and_written_as_they_were(name: str) -> None:
    path = DATA / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent; set BURNISH_DATA to the folder of public data")
    source = open_questions(str(path), selection=RowSelection(limit=1_500))
    rows = good(source)
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for row, line in zip(rows, lines, strict=False):
            assert to_row(row.item, source.layout) == json.loads(line)


values = st.one_of(st.none(), st.text(max_size=5), st.integers(-3, 9), st.floats(allow_nan=False))
rows_ = st.fixed_dictionaries(
    {"question": st.text(min_size=1, max_size=5)},
    optional={
        "answer": values | st.lists(values, max_size=2),
        "choices": st.none() | st.lists(values, max_size=4),
        "domain": values,
        "rationale": values,
        "context": values,
        "extra": values,
    },
)
forms = st.sampled_from(["label", "text", "index", "index_from_1"])


@given(rows_, forms, st.sampled_from(["plain", "after_hashes", "boxed"]))
def test_whatever_a_row_holds_the_item_is_written_as_the_same_row(
    row: dict[str, object], key_form: str, answer_form: str
) -> None:
    layout = replace(Layout(), key_form=key_form, answer_form=answer_form)
    item = read_item(row, layout, "one").item
    written = to_row(item, layout)
    assert json.dumps(written, sort_keys=True) == json.dumps(row, sort_keys=True)


@given(rows_, st.text(min_size=1, max_size=5))
def test_an_edited_question_changes_its_column_alone(row: dict[str, object], text: str) -> None:
    layout = Layout()
    item = replace(read_item(row, layout, "one").item, question=text)
    assert to_row(item, layout) == {**row, "question": text}
