"""The trainer: what a tutorial promises, and a resume that nobody can tell."""

import re

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset

from minigpt.checkpoint import (
    has_training_state,
    load_checkpoint,
    load_weights,
    read_metadata,
)
from minigpt.config import TrainConfig
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.errors import CheckpointError, ConfigError, DataError, RunError
from minigpt.model import create_model
from minigpt.tokenizers.characters import CharTokenizer
from minigpt.training.trainer import Trainer, get_cosine_schedule_with_warmup


def names(directory):
    return {path.name for path in directory.iterdir()}


@pytest.fixture
def loader(pairs):
    """Ten batches an epoch, shuffled."""
    return lambda: DataLoader(pairs, batch_size=4, shuffle=True)


@pytest.fixture
def held_out(pairs):
    return DataLoader(pairs[:10], batch_size=4)


def test_a_model_learns_the_rule_of_its_text(new_model, loader, tmp_path, watcher):
    seen = watcher()
    config = TrainConfig(learning_rate=1e-2, weight_decay=0.0)
    Trainer(
        new_model(dropout=0.0), loader(), output_dir=tmp_path, config=config,
        callbacks=[seen],
    ).train(num_epochs=10)  # fmt: skip
    assert seen.losses[0] > 3.0
    assert seen.losses[-1] < 0.5


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_one_batch_is_learned_by_heart(new_model, tmp_path, watcher, optimizer):
    tokens = torch.randint(30, (4, 13))
    batch = DataLoader([(row[:-1], row[1:]) for row in tokens], batch_size=4)
    seen = watcher()
    config = TrainConfig(optimizer=optimizer, learning_rate=1e-2, weight_decay=0.0)
    Trainer(
        new_model(dropout=0.0, d_model=32), batch, output_dir=tmp_path, config=config,
        callbacks=[seen],
    ).train(max_steps=120)  # fmt: skip
    assert seen.losses[-1] < 0.1


def source(kind, pairs):
    if kind == "loader":
        return DataLoader(pairs, batch_size=4, shuffle=True)
    tokens = torch.cat([inputs for inputs, _ in pairs])
    return WindowSampler(tokens, context=12, batch_size=4, seed=5)


@pytest.mark.parametrize("kind", ["loader", "sampler"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(
    new_model, pairs, tmp_path, watcher, kind, optimizer
):
    config = TrainConfig(
        optimizer=optimizer, eval_interval=7, max_steps=25, keep_checkpoints=None
    )

    def train(directory, seen, resume=None):
        trainer = Trainer(
            new_model(), source(kind, pairs), DataLoader(pairs[:8], batch_size=4),
            output_dir=tmp_path / directory, config=config, callbacks=[seen],
        )  # fmt: skip
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    whole, begun, resumed = watcher(), watcher(stop_after=13), watcher()
    expected = train("whole", whole)
    train("parts", begun)
    assert begun.results[0].checkpoint.name == "checkpoint_step_13"
    got = train("parts", resumed, begun.results[0].checkpoint)

    assert begun.losses + resumed.losses == whole.losses
    averages = [r.average_loss for r in begun.steps + resumed.steps]
    assert averages == [r.average_loss for r in whole.steps]
    rates = [r.learning_rate for r in begun.steps + resumed.steps]
    assert rates == [r.learning_rate for r in whole.steps]
    assert begun.evaluations + resumed.evaluations == whole.evaluations
    assert got.progress == expected.progress
    for one, other in zip(
        got.model.parameters(), expected.model.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_resuming_from_an_epoch_named_as_the_tutorial_names_it(
    new_model, loader, tmp_path, watcher
):
    whole, resumed = watcher(), watcher()
    Trainer(new_model(), loader(), output_dir=tmp_path, callbacks=[whole]).train(3)
    Trainer(new_model(), loader(), output_dir=tmp_path, callbacks=[resumed]).train(
        num_epochs=3, resume_from_checkpoint=f"{tmp_path}/checkpoint_epoch_2.pt"
    )
    assert resumed.losses == whole.losses[20:]


def test_resuming_a_finished_training_takes_no_step(new_model, loader, tmp_path):
    result = Trainer(new_model(), loader(), output_dir=tmp_path).train(1)
    again = Trainer(new_model(), loader(), output_dir=tmp_path).train(
        1, resume_from_checkpoint=result.checkpoint
    )
    assert (again.step, again.loss, again.checkpoint) == (10, None, result.checkpoint)


def test_watching_and_evaluating_change_nothing_of_the_training(
    new_model, pairs, loader, held_out, tmp_path, watcher
):
    class Meddler(watcher):
        def on_step(self, record):
            super().on_step(record)
            torch.rand(record.step)

    plain, watched = watcher(), Meddler()
    Trainer(new_model(), loader(), output_dir=tmp_path / "a", callbacks=[plain]).train(
        2
    )
    Trainer(
        new_model(), loader(), held_out, output_dir=tmp_path / "b", eval_interval=3,
        callbacks=[watched],
    ).train(2)  # fmt: skip
    assert watched.losses == plain.losses


def test_a_checkpoint_each_epoch_each_interval_and_of_the_best(
    new_model, loader, held_out, tmp_path, watcher
):
    seen = watcher()
    result = Trainer(
        new_model(), loader(), held_out, output_dir=tmp_path, eval_interval=8,
        callbacks=[seen],
    ).train(num_epochs=2)  # fmt: skip
    assert names(tmp_path) == {
        "checkpoint_step_8", "checkpoint_step_16", "checkpoint_epoch_1",
        "checkpoint_epoch_2", "best_model",
    }  # fmt: skip
    assert result.checkpoint == tmp_path / "checkpoint_epoch_2"
    assert {name for name, _ in seen.checkpoints} == names(tmp_path)
    best = min(seen.evaluations, key=lambda record: record.loss)
    assert result.best_loss == best.loss
    assert read_metadata(tmp_path / "best_model").step == best.step


def test_only_the_newest_step_checkpoints_stay_and_two_can_be_resumed(
    new_model, loader, tmp_path
):
    config = TrainConfig(
        max_steps=30, eval_interval=100, checkpoint_interval=4, keep_checkpoints=3
    )
    Trainer(new_model(), loader(), output_dir=tmp_path, config=config).train()
    assert names(tmp_path) == {f"checkpoint_step_{step}" for step in (24, 28, 30)}
    resumable = {p.name for p in tmp_path.iterdir() if has_training_state(p)}
    assert resumable == {"checkpoint_step_28", "checkpoint_step_30"}


def test_checkpoints_of_chosen_steps_stay_besides_and_begin_with_step_0(
    new_model, loader, tmp_path
):
    config = TrainConfig(
        max_steps=30,
        eval_interval=10,
        keep_checkpoints=1,
        checkpoint_steps=(0, 1, 7, 25),
    )
    untrained = new_model()
    Trainer(new_model(), loader(), output_dir=tmp_path, config=config).train()
    assert names(tmp_path) == {f"checkpoint_step_{step}" for step in (0, 1, 7, 25, 30)}
    resumable = {p.name for p in tmp_path.iterdir() if has_training_state(p)}
    assert resumable == {"checkpoint_step_25", "checkpoint_step_30"}
    first = new_model()
    load_weights(tmp_path / "checkpoint_step_0", first)
    assert torch.equal(first.token_embedding.weight, untrained.token_embedding.weight)


def test_the_best_model_is_the_one_that_had_the_best_loss(
    new_model, loader, held_out, tmp_path
):
    trainer = Trainer(
        new_model(), loader(), held_out, output_dir=tmp_path, eval_interval=4
    )
    result = trainer.train(3)
    load_weights(tmp_path / "best_model", trainer.model)
    assert trainer.evaluate() == pytest.approx(result.best_loss, abs=1e-6)
    recorded = read_metadata(tmp_path / "best_model").provenance["validation_loss"]
    assert recorded == result.best_loss


def test_patience_ends_a_training_that_only_learns_by_heart(
    new_model, tmp_path, watcher
):
    tokens = torch.randint(30, (8, 13), generator=torch.Generator().manual_seed(4))
    examples = [(row[:-1], row[1:]) for row in tokens]
    seen = watcher()
    result = Trainer(
        new_model(dropout=0.0),
        DataLoader(examples[:4], batch_size=4),
        DataLoader(examples[4:], batch_size=4),
        output_dir=tmp_path,
        config=TrainConfig(
            learning_rate=1e-2, eval_interval=5, patience=3, max_steps=500
        ),
        callbacks=[seen],
    ).train()
    assert (result.stopped, result.reason) == (True, "patience")
    losses = [record.loss for record in seen.evaluations]
    assert losses.index(min(losses)) == len(losses) - 4
    assert result.step < 200
    assert has_training_state(result.checkpoint)


def test_a_request_to_stop_saves_and_ends(new_model, loader, tmp_path, watcher):
    seen = watcher(stop_after=5)
    result = Trainer(
        new_model(), loader(), output_dir=tmp_path, callbacks=[seen]
    ).train(3)
    assert (result.step, result.stopped, result.reason) == (5, True, "stopped")
    assert has_training_state(tmp_path / "checkpoint_step_5")
    assert seen.results == [result]


def test_a_loss_that_explodes_names_the_step_and_spares_the_last_checkpoint(
    new_model, loader, tmp_path
):
    model = new_model()
    trainer = Trainer(
        model,
        loader(),
        optimizer=torch.optim.SGD(model.parameters(), lr=1e30),
        output_dir=tmp_path,
        config=TrainConfig(checkpoint_interval=1, gradient_clip=0.0),
    )
    with pytest.raises(RunError, match=r"step \d.*Lower the learning rate"):
        trainer.train(max_steps=10)
    load_weights(tmp_path / "checkpoint_step_1", new_model())


def test_each_record_tells_pace_and_end(new_model, loader, tmp_path, watcher):
    seen = watcher()
    Trainer(new_model(), loader(), output_dir=tmp_path, callbacks=[seen]).train(2)
    assert [record.step for record in seen.steps] == list(range(1, 21))
    assert [record.epoch for record in seen.steps] == [1] * 10 + [2] * 10
    assert [r.tokens_seen for r in seen.steps] == [48 * n for n in range(1, 21)]
    assert all(record.tokens_per_second > 0 for record in seen.steps)
    assert all(record.gradient_norm > 0 for record in seen.steps)
    assert seen.steps[0].eta_seconds > 0
    assert seen.steps[-1].eta_seconds == 0
    assert seen.steps[9].average_loss == pytest.approx(sum(seen.losses[:10]) / 10)
    assert seen.steps[10].average_loss == seen.losses[10]


def test_the_config_steers_the_learning_rate(new_model, loader, tmp_path, watcher):
    seen = watcher()
    config = TrainConfig(
        learning_rate=0.1, schedule="linear", warmup_steps=0, min_learning_rate_ratio=0
    )
    Trainer(
        new_model(), loader(), output_dir=tmp_path, config=config, callbacks=[seen]
    ).train(max_steps=10)
    rates = [record.learning_rate for record in seen.steps]
    assert rates == pytest.approx([0.1 * (1 - step / 10) for step in range(10)])


def test_an_optimizer_that_was_brought_keeps_its_learning_rate(
    new_model, loader, tmp_path, watcher
):
    seen, model = watcher(), new_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    Trainer(
        model, loader(), optimizer=optimizer, output_dir=tmp_path, callbacks=[seen]
    ).train(1)
    assert {record.learning_rate for record in seen.steps} == {3e-4}


def test_a_scheduler_that_was_brought_is_stepped_and_resumed(
    new_model, loader, tmp_path, watcher
):
    def train(seen, resume=None):
        model = new_model()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
        Trainer(
            model, loader(), optimizer=optimizer, output_dir=tmp_path,
            lr_scheduler=get_cosine_schedule_with_warmup(optimizer, 4, 20),
            callbacks=[seen],
        ).train(2, resume_from_checkpoint=resume)  # fmt: skip

    whole, resumed = watcher(), watcher()
    train(whole)
    train(resumed, tmp_path / "checkpoint_epoch_1")
    assert whole.steps[0].learning_rate == 0.0
    assert whole.steps[4].learning_rate == 3e-4
    assert resumed.losses == whole.losses[10:]


def test_without_a_reporting_callback_the_trainer_prints_the_lines_of_the_tutorial(
    new_model, loader, tmp_path, capsys, watcher
):
    Trainer(new_model(), loader(), output_dir=tmp_path / "a").train(num_epochs=11)
    printed = capsys.readouterr().out
    assert printed.startswith("Epoch 1/11\n")
    line = r"^Step 100: loss = \d\.\d{4}, avg_loss = \d\.\d{4}, lr = 0\.\d{6}$"
    assert re.search(line, printed, re.MULTILINE)
    Trainer(
        new_model(), loader(), output_dir=tmp_path / "b", callbacks=[watcher()]
    ).train(1)
    assert capsys.readouterr().out == ""


def test_the_tokenizer_of_the_data_set_is_saved_with_the_model(
    new_model, pairs, tmp_path
):
    class Examples(list):
        tokenizer = CharTokenizer()

    Examples.tokenizer.build_vocab(["hello"])
    Trainer(
        new_model(), DataLoader(Examples(pairs), batch_size=4), output_dir=tmp_path
    ).train(1)
    saved = load_checkpoint(tmp_path / "checkpoint_epoch_1").tokenizer
    assert saved.encode("hello") == Examples.tokenizer.encode("hello")


class Stream(IterableDataset):
    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter(self.pairs)


def test_a_stream_of_unknown_length_trains_to_a_given_step(new_model, pairs, tmp_path):
    stream = DataLoader(Stream(pairs), batch_size=4)
    result = Trainer(new_model(), stream, output_dir=tmp_path).train(max_steps=13)
    assert (result.step, result.epoch) == (13, 1)
    with pytest.raises(ConfigError, match="pass max_steps"):
        Trainer(new_model(), stream, output_dir=tmp_path).train(num_epochs=1)
    constant = TrainConfig(schedule="constant")
    result = Trainer(new_model(), stream, output_dir=tmp_path, config=constant).train(
        num_epochs=2
    )
    assert (result.step, result.epoch) == (20, 2)


def test_no_data_is_an_error_and_no_endless_loop(new_model, tmp_path):
    with pytest.raises(DataError, match="empty"):
        Trainer(new_model(), DataLoader(Stream([])), output_dir=tmp_path).train(
            max_steps=3
        )


def test_evaluating_without_held_out_text_says_what_is_missing(
    new_model, loader, tmp_path
):
    with pytest.raises(ConfigError, match="eval_dataloader"):
        Trainer(new_model(), loader(), output_dir=tmp_path).evaluate()


def test_interim_evaluations_read_some_and_the_last_reads_all(
    new_model, loader, held_out, tmp_path, watcher
):
    seen = watcher()
    config = TrainConfig(eval_interval=5, eval_batches=1, max_steps=10)
    result = Trainer(
        new_model(), loader(), held_out, output_dir=tmp_path, config=config,
        callbacks=[seen],
    ).train()  # fmt: skip
    assert [(r.step, r.complete) for r in seen.evaluations] == [
        (5, False), (10, False), (10, True),
    ]  # fmt: skip
    assert result.validation_loss == seen.evaluations[-1].loss


def test_resuming_with_another_model_or_optimizer_is_refused(
    new_model, loader, tmp_path
):
    path = Trainer(new_model(), loader(), output_dir=tmp_path).train(1).checkpoint
    with pytest.raises(CheckpointError, match="num_layers = 2"):
        Trainer(new_model(num_layers=1), loader(), output_dir=tmp_path).train(
            2, resume_from_checkpoint=path
        )
    muon = TrainConfig(optimizer="muon")
    with pytest.raises(CheckpointError, match="another optimizer"):
        Trainer(new_model(), loader(), output_dir=tmp_path, config=muon).train(
            2, resume_from_checkpoint=path
        )


def test_resuming_from_a_model_without_its_optimizer_is_refused(
    new_model, loader, held_out, tmp_path
):
    Trainer(new_model(), loader(), held_out, output_dir=tmp_path).train(1)
    with pytest.raises(CheckpointError, match="without the optimizer's state"):
        Trainer(new_model(), loader(), output_dir=tmp_path).train(
            2, resume_from_checkpoint=tmp_path / "best_model"
        )


def test_the_mlp_refuses_to_recompute_blocks_that_it_has_not(loader, tmp_path):
    model = create_model("mlp", vocab_size=30, d_model=8, d_ff=8, max_seq_len=12)
    config = TrainConfig(gradient_checkpointing=True)
    with pytest.raises(ConfigError, match=r"gradient_checkpointing.*MLP"):
        Trainer(model, loader(), output_dir=tmp_path, config=config)
