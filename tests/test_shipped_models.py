"""The models in data/models are what they say they are."""

import json
from pathlib import Path

import pytest
from torch.utils.data import DataLoader

from minigpt.checkpoint import load_checkpoint, read_metadata
from minigpt.config import DataConfig, GenerationConfig
from minigpt.datasets.corpus import encode_corpus
from minigpt.datasets.tales import generate_tales
from minigpt.datasets.tales_mentions import introduced
from minigpt.datasets.texts import PackedDataset
from minigpt.generation import Generator
from minigpt.runs.catalogue import available_models
from minigpt.training.evaluate import evaluate_loss

DATA = Path(__file__).parent.parent / "data"
NAMES = ["glass", "tales"]


@pytest.mark.parametrize("name", NAMES)
def test_it_reaches_its_recorded_loss_on_stories_it_never_saw(name):
    model, tokenizer, metadata = load_checkpoint(DATA / "models" / name)
    data = DataConfig(**metadata.provenance["data"])
    tokens = encode_corpus(tokenizer, generate_tales(100_000, seed=4321), data)
    windows = PackedDataset(tokens, model.config.max_seq_len)
    loss = evaluate_loss(model, DataLoader(windows, batch_size=16)).loss
    assert loss == pytest.approx(metadata.provenance["validation_loss"], abs=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_how_it_was_made(name):
    metadata = read_metadata(DATA / "models" / name)
    assert metadata.provenance["command"] == f"python data/make_models.py {name}"
    about = json.loads((DATA / "models" / name / "about.json").read_text("utf-8"))
    assert set(about) == {"title", "description"}


def test_the_catalogue_offers_them():
    shipped = [m.id for m in available_models(DATA) if m.kind == "shipped"]
    assert shipped == NAMES


def test_together_they_are_small():
    files = (DATA / "models").rglob("*.safetensors")
    assert sum(path.stat().st_size for path in files) < 25_000_000


def test_the_stories_speak_of_whom_they_introduced():
    model, tokenizer, _ = load_checkpoint(DATA / "models" / "tales")
    generator = Generator(model, tokenizer, device="cpu")
    known = unknown = 0
    for seed in range(30):
        config = GenerationConfig(max_new_tokens=250, seed=seed)
        story = generator.generate("\n\n", config).text
        mentions = introduced(story)
        known += len(mentions.introduced)
        unknown += len(mentions.from_nowhere)
    assert known > 60
    assert known / (known + unknown) >= 0.9
