"""Models that ship are found wherever one's own data lies."""

import shutil

from streamlit_server import ROOT

from minigpt.checkpoint import read_metadata
from minigpt.config import FinetuneConfig
from minigpt.library.catalogue import available_models, find_model
from minigpt.library.finetuned import base_path
from minigpt.places import data_directory, shipped_models


def names(data):
    return {entry.id: entry.kind for entry in available_models(data)}


def test_models_that_ship_stand_beside_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    assert data_directory() == tmp_path
    assert names(tmp_path) == {}  # tests leave them out
    monkeypatch.delenv("MINIGPT_SHIPPED")
    ships = {path.name for path in (ROOT / "data/models").iterdir()}
    assert {"tales", "tales-chat", "glass", "induction"} <= ships
    assert set(names(tmp_path)) <= ships
    assert names(tmp_path)["tales"] == "shipped"
    assert find_model(tmp_path, "glass").path.is_relative_to(shipped_models())


def test_a_model_of_ones_own_hides_a_shipped_one_of_its_name(tmp_path, monkeypatch):
    monkeypatch.delenv("MINIGPT_SHIPPED")
    own = tmp_path / "models/glass"
    shutil.copytree(shipped_models() / "glass", own)
    assert find_model(tmp_path, "glass").path == own


def test_a_shipped_base_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.delenv("MINIGPT_SHIPPED")
    recorded = FinetuneConfig(method="sft", base="/gone/data/models/tales")
    found = base_path(recorded, tmp_path)
    assert read_metadata(found) == read_metadata(ROOT / "data/models/tales")
