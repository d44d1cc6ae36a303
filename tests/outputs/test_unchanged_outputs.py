"""Moving code changes no output: see `unchanged_outputs`, which says what and how."""

import json
from typing import get_args

import pytest
from outputs.output_hashes import MODELS, ROOT, VARIANTS, arithmetic, one_thread
from outputs.unchanged_outputs import EXACT, FLOATS, STORED

from minigpt.config import ModelConfig
from minigpt.library.catalogue import available_models

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text("utf-8"))


@pytest.fixture(autouse=True)
def single_thread():
    with one_thread():
        yield


@pytest.mark.parametrize("name", EXACT)
def test_ids_texts_and_files_are_the_same_on_every_machine(name, stored):
    assert EXACT[name]() == stored["exact"][name]


@pytest.mark.parametrize("name", FLOATS)
def test_numbers_are_the_same_to_the_bit(name, stored):
    found, expected = FLOATS[name](), stored["floats"][name]
    assert found.rounded == pytest.approx(expected["rounded"], abs=TOLERANCE)
    if arithmetic() != stored["arithmetic"]:
        pytest.skip(f"{name}: this machine rounds otherwise, so its last bits differ")
    assert found.bits == expected["bits"]
    assert found.rounded == expected["rounded"]


def test_nothing_stored_is_left_unmeasured(stored):
    assert list(stored["exact"]) == list(EXACT)
    assert list(stored["floats"]) == list(FLOATS)


def test_every_shipped_model_and_every_option_is_measured():
    known = available_models(ROOT / "data")
    shipped = {model.id for model in known if model.kind == "shipped"}
    assert {path.split("/")[0] for path in MODELS.values()} == shipped
    for field in ("positional_encoding", "norm", "activation"):
        options = get_args(ModelConfig.model_fields[field].annotation)
        assert {v.get(field) for v in VARIANTS.values()} - {None} == set(options)
