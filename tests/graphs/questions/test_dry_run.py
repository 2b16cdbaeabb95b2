from pathlib import Path

import pytest

from burnish.corpora.errors import UsageError
from burnish.corpora.runs.folder import RunFolder, read_json
from burnish.corpora.runs.question_ledger import QAEntry
from burnish.graphs.archive.question_records import question_records
from burnish.graphs.questions.dry_run import try_questions
from burnish.graphs.questions.stages import QaContext
from burnish.graphs.reports.question_diff import question_diffs
from burnish.graphs.runs.graph import carry_out
from burnish.graphs.runs.settings import Settings, load
from tests.support.question_sets import pool, skewed


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    skewed(folder, bad=True)
    pool(folder)
    return folder


def _settings(sets: Path, *pairs: str) -> Settings:
    own = [f"qa.reserve={sets / 'pool.jsonl'}", "qa.by=cell", "qa.rounds=1"]
    return load((), [*own, "run.max_failure_ratio=0.5", *pairs])


@pytest.fixture(scope="module")
def run(sets: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    carry_out(QaContext(folder, _settings(sets), str(sets / "set.jsonl")))
    return folder


def test_a_trial_says_what_a_run_then_does_and_writes_nothing(sets: Path, run: RunFolder) -> None:
    held = sorted(sets.rglob("*"))
    trial = try_questions(str(sets / "set.jsonl"), _settings(sets))
    assert sorted(sets.rglob("*")) == held
    report = read_json(run.report.with_suffix(".json"))
    orders = {line["operation"]: line["orders"] for line in report["invoice"]}
    assert trial.operations == orders
    assert trial.size == report["balance"]["rows_out"]
    assert trial.before == report["divergence"]["before"]
    assert trial.after == pytest.approx(report["divergence"]["after"])
    assert (trial.rows, trial.bad_rows, trial.sampled) == (90, 2, False)


def test_a_trial_of_a_large_set_looks_at_a_sample_and_says_so(sets: Path) -> None:
    trial = try_questions(str(sets / "set.jsonl"), _settings(sets), largest=50)
    assert trial.sampled
    assert trial.rows + trial.bad_rows == 50


def test_a_trial_asks_no_model(sets: Path) -> None:
    with pytest.raises(UsageError, match="leave out --llm"):
        try_questions(str(sets / "set.jsonl"), _settings(sets, "llm.endpoint=http://x/v1"))


def test_every_item_is_read_back_before_and_after(sets: Path, run: RunFolder) -> None:
    records = {record.entry.id: record for record in question_records(run)}
    source = try_questions(str(sets / "set.jsonl"), _settings(sets)).rows
    read = [one for one in records.values() if one.before is not None]
    assert len(read) == source
    assert all(one.after is None for one in read if one.entry.outcome == "dropped")
    assert all(one.before == one.after for one in read if one.entry.outcome == "unchanged")
    added = [one for one in records.values() if one.entry.outcome == "added"]
    assert all(one.before is None and one.after is not None for one in added)
    assert all(one.after is not None and one.after.id == one.entry.id for one in added)


def test_a_diff_shows_one_item_by_id_or_the_first_that_changed(run: RunFolder) -> None:
    changed = [one.entry for one in question_records(run) if _changes(one.entry)]
    shown = list(question_diffs(run, None, 3, plain=True))
    assert [text.plain.split()[0] for text in shown] == [entry.id for entry in changed[:3]]
    one = list(question_diffs(run, changed[-1].id, plain=True))
    assert [text.plain.split()[0] for text in one] == [changed[-1].id]
    with pytest.raises(UsageError, match="holds no item"):
        list(question_diffs(run, "nobody", plain=True))


def _changes(entry: QAEntry) -> bool:
    return entry.outcome in {"edited", "dropped", "added"}
