"""The models in data/models are what they say they are."""

import json
import runpy
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from minigpt.checkpoint import load_checkpoint, read_metadata
from minigpt.config import (
    DataConfig,
    GenerationConfig,
    ModelConfig,
    RunConfig,
    TokenizerConfig,
    TrainConfig,
)
from minigpt.datasets.batches.examples import PackedDataset, WindowDataset
from minigpt.datasets.encoding import encode_corpus
from minigpt.datasets.repeated_words import repeated_words
from minigpt.datasets.tales.instructions import questions
from minigpt.datasets.tales.mentions import introduced
from minigpt.datasets.tales.story import generate_tales
from minigpt.finetuning.chat import fingerprint
from minigpt.finetuning.measuring import exact_match
from minigpt.finetuning.supervised import fits
from minigpt.generation import Generator
from minigpt.library.catalogue import available_models, find_model
from minigpt.runs.store import create_run
from minigpt.training.evaluate import evaluate_loss
from minigpt.worker.worker import train_run

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data"
TALES = ["glass", "tales"]
NAMES = ["glass", "induction", "tales", "tales-chat"]


def checkpoint(name):
    return find_model(DATA, name).path


@pytest.mark.parametrize("name", TALES)
def test_it_reaches_its_recorded_loss_on_stories_it_never_saw(name):
    model, tokenizer, metadata = load_checkpoint(DATA / "models" / name)
    data = DataConfig(**metadata.provenance["data"])
    tokens = encode_corpus(tokenizer, generate_tales(100_000, seed=4321), data)
    windows = PackedDataset(tokens, model.config.max_seq_len)
    loss = evaluate_loss(model, DataLoader(windows, batch_size=16)).loss
    assert loss == pytest.approx(metadata.provenance["validation_loss"], abs=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_how_it_was_made(name):
    metadata = read_metadata(checkpoint(name))
    assert metadata.provenance["command"] == f"python data/make_models.py {name}"
    about = json.loads((DATA / "models" / name / "about.json").read_text("utf-8"))
    assert set(about) == {"title", "description"}


def test_the_catalogue_offers_them():
    shipped = [m.id for m in available_models(DATA) if m.kind == "shipped"]
    assert shipped == NAMES


def test_a_film_ships_its_last_step_above_the_earlier_ones(tmp_path):
    make = runpy.run_path(str(DATA / "make_models.py"))
    config = RunConfig(
        data=DataConfig(source="repeats"),
        tokenizer=TokenizerConfig(kind="word"),
        transformer=ModelConfig(d_model=8, num_heads=2, num_layers=1, max_seq_len=32),
        train=TrainConfig(max_steps=3, batch_size=2, checkpoint_steps=(0, 1, 3)),
    )
    run = create_run(tmp_path / "run", config)
    last = train_run(run).result.step
    for _ in range(2):  # made again, it takes the place of what was there
        make["ship"](run, last, tmp_path / "models" / "film", {"loss": 1.5})
    entry = find_model(tmp_path, "film")
    assert entry.path == tmp_path / "models" / "film"
    assert [step for step, _ in entry.steps] == [0, 1, 3]
    for step, path in entry.steps:
        whole = load_checkpoint(dict(run.checkpoints())[step]).model.state_dict()
        for name, weight in load_checkpoint(path).model.state_dict().items():
            assert torch.equal(weight, whole[name].half().float())
    assert read_metadata(entry.path).provenance["loss"] == 1.5


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


def test_tales_chat_answers_as_often_as_it_says():
    tuned = load_checkpoint(DATA / "models" / "tales-chat")
    asked = list(islice(questions(77, "held_out", fits(tuned.tokenizer, 240)), 120))
    recorded = tuned.metadata.provenance["scores"]["held_out"]
    right = expected = 0.0
    for row in exact_match(tuned, None, asked):
        right += row.tuned.right
        expected += row.tuned.number * recorded[row.kind]["exact_match"]
    assert right / len(asked) == pytest.approx(expected / len(asked), abs=0.08)
    guessed = [kind["without_reading"] for kind in recorded.values()]
    assert right / len(asked) > max(guessed) + 0.1


def test_tales_chat_is_tuned_from_the_tales_that_ships():
    provenance = read_metadata(DATA / "models" / "tales-chat").provenance
    base = load_checkpoint(DATA / "models" / "tales").model
    assert provenance["finetune"]["base"] == "data/models/tales"
    assert provenance["finetune"]["base_sha256"] == fingerprint(base)


@pytest.fixture(scope="module")
def induction():
    """Return what the benchmark measures, on the model that ships."""
    benchmark = runpy.run_path(str(ROOT / "benchmarks" / "induction.py"))
    return benchmark["measure_all"](find_model(DATA, "induction").steps)


def test_induction_reaches_its_recorded_loss(induction):
    model, tokenizer, metadata = load_checkpoint(checkpoint("induction"))
    held_out = WindowDataset(repeated_words(tokenizer, 126, 64).held_out())
    loss = evaluate_loss(model, DataLoader(held_out, batch_size=64)).loss
    assert loss == pytest.approx(metadata.provenance["validation_loss"], abs=0.01)


def test_the_first_head_reads_the_previous_token_and_a_later_one_copies(induction):
    scores = induction.whole.scores
    assert scores.previous_token[0, 0] >= 0.60
    assert scores.induction[1].max() >= 0.80
    assert induction.whole.second_loss <= 0.30
    assert induction.whole.first_loss >= 4.8


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_without_the_previous_token_head_copying_is_gone(induction, how):
    cut, control = induction.cuts[f"L0H0 {how}"], induction.cuts[f"L0H1 {how}"]
    assert cut.induction <= 0.10
    assert cut.second_loss >= 4.8
    assert abs(control.induction - induction.whole.induction) <= 0.03
    assert abs(control.second_loss - induction.whole.second_loss) <= 0.10


def test_the_change_is_quick_and_many_checkpoints_show_it(induction):
    curve = induction.curve
    assert len(curve.steps) == 41
    begin, end = curve.change
    assert end - begin <= 100
    assert induction.inside >= 10
    assert curve.induction[0] < 0.05
    assert begin <= curve.score_step <= curve.loss_step <= end + 10
    assert curve.first_loss.max() > curve.first_loss[0] + 0.5


def test_readable_texts_are_continued_by_copying_alone(induction):
    sure = [p for p in induction.prompts if p.before >= 0.7 and p.after <= 0.05]
    assert len(sure) >= 3


def test_induction_is_small_enough_to_ship_with_all_its_checkpoints():
    files = [path for path in (DATA / "models/induction").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 10_000_000
