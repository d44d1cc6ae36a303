"""A run from start to end, stopped, resumed, and failed, in one process."""

import threading
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from minigpt.checkpoint import load_checkpoint
from minigpt.config import RunConfig, get_recipe
from minigpt.datasets.batches.examples import WindowDataset
from minigpt.datasets.repeated_words import repeated_words
from minigpt.errors import CheckpointError, DataError, RunError
from minigpt.interpret.heads.repetition import read_repetition
from minigpt.library.catalogue import find_model
from minigpt.runs.film import LIMIT, film_steps
from minigpt.runs.lock import RunLock
from minigpt.training.callbacks import TrainerCallback
from minigpt.training.evaluate import evaluate_loss
from minigpt.worker.worker import train_run


def tiny(text_file, **train):
    sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 16}
    settings = {"max_steps": 12, "batch_size": 4, "eval_interval": 4, "num_threads": 1}
    return RunConfig(
        data={"source": str(text_file)},
        transformer=sizes | {"dropout": 0.1},
        train=settings | {"warmup_steps": 2} | train,
    )


def losses(run):
    records = [r for r in run.metrics().records if r["kind"] == "step"]
    assert [r["step"] for r in records] == list(range(1, len(records) + 1))
    return [r["loss"] for r in records]


def averages(run):
    return [r["average_loss"] for r in run.metrics().records if r["kind"] == "step"]


class StopAfter(TrainerCallback):
    def __init__(self, run, step):
        self.run, self.step = run, step

    def on_step(self, record):
        if record.step == self.step:
            self.run.request_stop()


def test_a_finished_run_leaves_everything_a_reader_wants(store, text_file):
    run = store.create(tiny(text_file), "whole")
    outcome = train_run(run, command="python -m minigpt train")
    status = run.status()
    assert (status.state, status.step, status.total_steps) == ("finished", 12, 12)
    assert len(losses(run)) == 12

    evaluations = [r for r in run.metrics().records if r["kind"] == "evaluation"]
    assert {r["step"] for r in evaluations} == {4, 8, 12}
    assert evaluations[-1]["complete"]
    assert evaluations[-1]["loss"] == outcome.result.validation_loss
    assert status.validation_loss == outcome.result.validation_loss
    assert status.best_loss == outcome.result.best_loss

    assert [r["step"] for r in run.samples().records] == [4, 8, 12]
    assert [step for step, _ in run.checkpoints()] == [4, 8, 12]
    assert ET.parse(run.path / "curves.svg").getroot().tag.endswith("svg")
    baselines = status.baselines
    assert baselines["uniform"] == pytest.approx(np.log(status.vocab_size))
    assert baselines["bigram"] < baselines["unigram"] < baselines["uniform"]

    model, tokenizer, metadata = load_checkpoint(run.best)
    assert tokenizer.decode(tokenizer.encode("the cat")) == "the cat"
    assert metadata.provenance["command"] == "python -m minigpt train"
    assert len(metadata.provenance["text_sha256"]) == 64
    assert run.config.transformer.vocab_size == model.config.vocab_size


def test_snapshots_are_the_models_own_attention_on_unseen_text(store, text_file, text):
    import torch

    run = store.create(tiny(text_file), "film")
    train_run(run)
    film = run.snapshots()
    assert film.steps == [0, 1, 2, 3, 4, 6, 8, 11, 12]
    assert "".join(film.pieces) in text
    model, tokenizer, _ = load_checkpoint(run.latest)
    tokens = torch.tensor([tokenizer.encode("".join(film.pieces))])
    _, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")
    last = film.load(12)
    for layer in range(2):
        expected = cache["pattern", layer][0].detach().numpy()
        assert np.abs(last.patterns[layer] / 255 - expected).max() < 0.003
    assert last.scores.entropy.shape == (2, 2)
    assert not np.array_equal(film.load(0).patterns, last.patterns)
    with pytest.raises(RunError, match="no snapshot of step 5"):
        film.load(5)


def test_watching_a_run_does_not_change_it(store, text_file):
    quiet = store.create(tiny(text_file, eval_interval=12), "quiet")
    busy = store.create(tiny(text_file, eval_interval=1), "busy")
    train_run(quiet)
    train_run(busy)
    assert losses(quiet) == losses(busy)


def test_a_stopped_run_goes_on_as_if_never_stopped(store, text_file):
    whole = store.create(tiny(text_file), "whole")
    train_run(whole)
    run = store.create(tiny(text_file), "halves")
    outcome = train_run(run, callbacks=[StopAfter(run, 6)])
    assert outcome.result.reason == "stopped"
    assert (run.status().state, run.status().step) == ("stopped", 6)
    assert run.latest.name == "checkpoint_step_6"
    train_run(run, resume=True)
    assert averages(run) == pytest.approx(averages(whole))
    assert run.status().state == "finished"
    assert not run.stop_requested
    assert losses(run) == losses(whole)
    assert run.snapshots().steps == whole.snapshots().steps


def test_a_run_that_lost_steps_takes_them_again_and_readers_see_each_once(
    store, text_file
):
    class Crash(TrainerCallback):
        def on_step(self, record):
            if record.step == 7:
                raise ZeroDivisionError("pretend")

    whole = store.create(tiny(text_file), "whole")
    train_run(whole)
    run = store.create(tiny(text_file), "crashed")
    with pytest.raises(RunError, match="unexpected ZeroDivisionError: pretend"):
        train_run(run, callbacks=[Crash()])
    status = run.status()
    assert status.state == "failed"
    assert "log.txt" in status.error
    assert "Traceback" in run.read_log()
    train_run(run, resume=True)
    assert losses(run) == losses(whole)


class CrashAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step(self, record):
        if record.step == self.step:
            raise ZeroDivisionError("pretend")


def test_a_run_that_dies_before_its_first_checkpoint_is_noted_once(store):
    whole = store.create(repeats(checkpoint_steps=()), "whole")
    train_run(whole)
    run = store.create(repeats(checkpoint_steps=()), "killed")
    with pytest.raises(RunError, match="pretend"):
        train_run(run, callbacks=[CrashAt(3)])
    assert run.checkpoints() == []
    train_run(run, resume=True)
    assert losses(run) == losses(whole)
    for kind in ("repetition", "evaluation"):
        noted, wanted = (
            [r["step"] for r in each.metrics().records if r["kind"] == kind]
            for each in (run, whole)
        )
        assert noted == wanted
    assert run.snapshots().steps == whole.snapshots().steps


def test_a_damaged_newest_checkpoint_is_skipped_for_the_one_before(store, text_file):
    whole = store.create(tiny(text_file), "whole")
    train_run(whole)
    run = store.create(tiny(text_file), "damaged")
    train_run(run, callbacks=[StopAfter(run, 6)])
    newest = run.latest
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    train_run(run, resume=True)
    assert losses(run) == losses(whole)
    assert f"damaged checkpoint: {weights}" in run.read_log()
    assert "step 6 is damaged: the run went on from" in run.status().note
    before = [saved.step for saved in whole.checkpoints() if saved.step < 6]
    assert f"of step {before[-1]}." in run.status().note

    for _, path in run.checkpoints():
        (path / "model.safetensors").write_bytes(b"")
    run.write_config(tiny(text_file, max_steps=14))
    with pytest.raises(CheckpointError, match=r"checkpoint_step_12"):
        train_run(run, resume=True)


def test_an_mlp_trains_too_without_snapshots(store, text_file):
    config = tiny(text_file).replace(
        model_type="mlp",
        mlp={"d_model": 8, "d_ff": 16, "context_size": 4, "max_seq_len": 16},
    )
    run = store.create(config, "mlp")
    train_run(run)
    assert run.status().state == "finished"
    assert run.snapshots().steps == []
    assert run.snapshots().pieces == []


def repeats(**train):
    recipe = get_recipe("induction-live")
    steps = {"checkpoint_steps": (0, 5, 9), "eval_interval": 6, "keep_checkpoints": 1}
    return recipe.replace(
        train=recipe.train.replace(**{"max_steps": 12, **steps, **train}).to_dict()
    )


def test_a_run_on_repeats_notes_what_is_said_twice_and_keeps_chosen_steps(store):
    run = store.create(repeats(), "repeats")
    train_run(run, command="python -m minigpt train --recipe induction-live")
    noted = [r for r in run.metrics().records if r["kind"] == "repetition"]
    assert [r["step"] for r in noted] == run.snapshots().steps
    assert {0, 5, 9} <= set(run.snapshots().steps)
    assert [step for step, _ in run.checkpoints()] == [0, 5, 9, 12]
    model, tokenizer, metadata = load_checkpoint(run.latest)
    assert metadata.provenance["data"]["source"] == "repeats"
    words = repeated_words(tokenizer, 64, 32)
    read = read_repetition(model, words.said_twice(32))
    assert noted[-1]["second_loss"] == pytest.approx(read.second_loss, abs=1e-5)
    assert noted[-1]["induction"] == pytest.approx(read.induction, abs=1e-5)
    assert run.snapshots().pieces == tokenizer.pieces(words.said_twice(1)[0].tolist())
    held_out = DataLoader(WindowDataset(words.held_out()), batch_size=64)
    loss = evaluate_loss(model, held_out).loss
    assert run.status().validation_loss == pytest.approx(loss, abs=1e-5)


def test_a_run_on_repeats_that_was_stopped_goes_on_bit_for_bit(store):
    whole = store.create(repeats(), "whole")
    train_run(whole)
    run = store.create(repeats(), "halves")
    train_run(run, callbacks=[StopAfter(run, 7)])
    train_run(run, resume=True)
    assert losses(run) == losses(whole)


def test_a_text_that_changed_is_not_resumed_on(store, text_file, text):
    run = store.create(tiny(text_file), "changed")
    train_run(run, callbacks=[StopAfter(run, 6)])
    text_file.write_text(text + "the end.", encoding="utf-8")
    with pytest.raises(RunError, match="has changed since the run began"):
        train_run(run, resume=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"too short", "window|short"),
        (b"\xff\xfe\x00\x80" * 99, "UTF-8"),
    ],
)
def test_a_text_that_cannot_be_used_fails_in_one_line(store, text_file, content, words):
    text_file.write_bytes(content)
    run = store.create(tiny(text_file), "bad")
    with pytest.raises(DataError, match=words):
        train_run(run)
    status = run.status()
    assert status.state == "failed"
    assert "\n" not in status.error


def test_why_it_failed_is_told_where_the_log_cannot_be_written(store, text_file):
    run = store.create(tiny(text_file))
    text_file.write_text("short")
    (run.path / "log.txt").mkdir()  # as good as a full disk
    with pytest.raises(DataError) as error:
        train_run(run)
    assert (run.status().state, run.status().error) == ("failed", str(error.value))


def test_a_run_is_trained_by_one_process_at_a_time(store, text_file):
    run = store.create(tiny(text_file), "once")
    lock = RunLock.acquire(run.path)
    with pytest.raises(RunError, match="already being trained"):
        train_run(run)
    lock.release()
    train_run(run)


def test_a_reader_during_training_always_finds_whole_files(store, text_file):
    run = store.create(tiny(text_file, max_steps=150, eval_interval=50), "watched")
    worker = threading.Thread(target=train_run, args=(run,))
    worker.start()
    offset, seen, states = 0, [], []
    while worker.is_alive():
        states.append(run.status().state)
        chunk = run.metrics(offset)
        seen += [r["step"] for r in chunk.records if r["kind"] == "step"]
        offset = chunk.offset
        film = run.snapshots()
        for step in film.steps[-1:]:
            film.load(step)
    worker.join()
    seen += [r["step"] for r in run.metrics(offset).records if r["kind"] == "step"]
    assert seen == list(range(1, 151))
    assert set(states) <= {"queued", "running", "finished"}
    assert run.status().state == "finished"


@pytest.mark.parametrize("total", [1, 7, 5000, 100_000])
@pytest.mark.parametrize("weights", [100, 800_000, 3_000_000, 124_000_000])
def test_a_film_fits_its_room_and_begins_before_the_first_step(total, weights):
    steps = film_steps(total, weights)
    assert 2 * weights * len(steps) <= LIMIT
    assert steps == sorted(set(steps))
    assert total not in steps
    assert bool(steps) == (weights < LIMIT // 4)
    assert steps[:1] in ([], [0])


def test_a_copy_is_the_model_of_its_step_to_three_digits(store, text_file):
    run = store.create(tiny(text_file, checkpoint_steps=(0, 2), eval_interval=8), "a")
    train_run(run)
    assert [step for step, _ in run.checkpoints()] == [0, 2, 8, 12]
    small = {path.name: path for path in (run.path / "film").iterdir()}
    assert set(small) == {f"checkpoint_step_{step}" for step in (0, 1, 2, 4, 8)}
    for step, whole in run.checkpoints()[:3]:
        copy = small[f"checkpoint_step_{step}"]
        weights = load_checkpoint(whole).model.state_dict()
        kept = load_checkpoint(copy).model.state_dict()
        for name, weight in weights.items():
            torch.testing.assert_close(kept[name], weight, rtol=1e-3, atol=1e-6)


def test_every_copy_can_be_opened_and_whole_checkpoints_come_first(store, text_file):
    run = store.create(tiny(text_file, eval_interval=8), "a")
    train_run(run)
    entry = find_model(store.root.parent, "a")
    assert [step for step, _ in entry.steps] == [0, 1, 2, 4, 8, 12]
    assert "film" in entry.path_at(4).parts
    assert "film" not in entry.path_at(8).parts


def test_a_resumed_run_makes_the_film_of_an_unbroken_one(store, text_file):
    whole, parted = (store.create(tiny(text_file), name) for name in ("a", "b"))
    train_run(whole)
    train_run(parted, callbacks=[StopAfter(parted, 6)])
    train_run(parted, resume=True)
    films = [
        {
            path.relative_to(run.path).as_posix(): path.read_bytes()
            for path in (run.path / "film").rglob("*.safetensors")
        }
        for run in (whole, parted)
    ]
    assert len(films[0]) == 5
    assert films[0] == films[1]
