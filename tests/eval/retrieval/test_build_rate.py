import json
from pathlib import Path

from burnish.corpora.wikipedia.sources import open_wiki
from burnish.eval.retrieval.build_rate import measured
from tests.support.embedders import WordEmbedder


def test_a_build_is_held_against_embedding_alone(tmp_path: Path) -> None:
    rows = [{"id": str(at), "text": f"Passage {at} tells of otters."} for at in range(90)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    told = measured(open_wiki(str(path)), WordEmbedder(), 80, tmp_path)
    assert told["passages"] == 80
    assert all(isinstance(value, int | float) and value > 0 for value in told.values())
