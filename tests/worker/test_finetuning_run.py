"""A fine-tuning as a run: begun, stopped, resumed, failed, like any other."""

import json
import re

import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import FinetuneConfig, RunConfig, TrainConfig
from minigpt.errors import DataError, RunError
from minigpt.finetuning.adapters import load_adapter
from minigpt.finetuning.chat import fingerprint
from minigpt.model import create_model
from minigpt.tokenizers import BPETokenizer
from minigpt.training.callbacks import TrainerCallback
from minigpt.worker.worker import train_run

NAMES = ("Mia", "Tom", "Ann", "Ben", "Eve", "Sam")
TEXT = " ".join(f"{name} had the kite. Who had the kite?" for name in NAMES)
LORA = {"lora_rank": 2}


@pytest.fixture
def base(tmp_path):
    """Save an untrained base, and return where."""
    tokenizer = BPETokenizer(300)
    tokenizer.build_vocab(TEXT)
    torch.manual_seed(0)
    sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 64}
    model = create_model("transformer", vocab_size=tokenizer.vocab_size, **sizes)
    provenance = {"data": {"source": "tales"}, "command": "made for a test"}
    return save_checkpoint(tmp_path / "base", model, tokenizer, provenance=provenance)


@pytest.fixture
def data(tmp_path):
    """Write answers to learn, and pairs of answers."""
    answers, pairs = tmp_path / "sft.jsonl", tmp_path / "dpo.jsonl"
    prompts = [
        {"instruction": "Who had the kite?", "input": f"{name} had the kite."}
        for name in NAMES
    ]
    answers.write_text(
        "\n".join(
            json.dumps(prompt | {"output": name})
            for prompt, name in zip(prompts, NAMES, strict=True)
        )
    )
    pairs.write_text(
        "\n".join(
            json.dumps(prompt | {"chosen": f"{name} had the kite.", "rejected": name})
            for prompt, name in zip(prompts, NAMES, strict=True)
        )
    )
    return {"sft": str(answers), "dpo": str(pairs)}


@pytest.fixture
def config(base, data):
    def make(method="sft", train=(), **finetune):
        settings = {"max_steps": 12, "batch_size": 2, "eval_interval": 4}
        settings |= {"learning_rate": 0.01, "num_threads": 1, "checkpoint_steps": (0,)}
        return RunConfig(
            finetune=FinetuneConfig(
                method=method, base=str(base), examples=data[method], **finetune
            ),
            train=TrainConfig(**settings | dict(train)),
        )

    return make


class StopAfter(TrainerCallback):
    def __init__(self, run, step):
        self.run, self.step = run, step

    def on_step(self, record):
        if record.step == self.step:
            self.run.request_stop()


def records(run, kind="step"):
    return [r for r in run.metrics().records if r["kind"] == kind]


@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize("finetune", [{}, LORA])
def test_a_stopped_tuning_goes_on_bit_for_bit(store, config, method, finetune):
    whole = store.create(config(method, **finetune), "whole")
    train_run(whole)
    run = store.create(config(method, **finetune), "halves")
    train_run(run, callbacks=[StopAfter(run, 6)])
    assert run.status().state == "stopped"
    train_run(run, resume=True)
    assert run.status().state == "finished"
    assert [r["loss"] for r in records(run)] == [r["loss"] for r in records(whole)]
    final = [load_checkpoint(one.latest).model for one in (run, whole)]
    assert fingerprint(final[0]) == fingerprint(final[1])


def test_sft_leaves_a_model_that_learned_and_says_where_it_comes_from(
    store, config, base
):
    run = store.create(config(), "answers")
    train_run(run, command="python -m minigpt finetune sft")
    losses = [record["loss"] for record in records(run, "evaluation")]
    assert losses[-1] < losses[0]
    assert [step for step, _ in run.checkpoints()] == [0, 4, 8, 12]
    known = load_checkpoint(run.best).metadata.provenance
    assert known["command"] == "python -m minigpt finetune sft"
    assert known["data"] == {"source": "tales"}
    assert known["finetune"]["base"] == str(base)
    assert known["finetune"]["base_sha256"] == fingerprint(load_checkpoint(base).model)
    (sample, *_) = run.samples().records
    assert sample["prompt"].endswith("Who had the kite?")
    assert run.snapshots().steps[0] == 0


def test_only_the_adapter_changes_and_each_checkpoint_holds_it(store, config, base):
    run = store.create(config(**LORA), "adapter")
    train_run(run)
    adapted = load_adapter(run.latest, load_checkpoint(base)).model
    plain = load_checkpoint(run.path / "checkpoints" / "checkpoint_step_0").model
    for name, weight in plain.state_dict().items():
        place = name.replace(".attn.qkv.", ".attn.qkv.base.")
        place = place.replace(".attn.output.", ".attn.output.base.")
        assert torch.equal(adapted.state_dict()[place], weight)
    tokens = torch.arange(9)[None]
    merged = load_checkpoint(run.latest).model
    torch.testing.assert_close(adapted(tokens), merged(tokens), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(merged(tokens), plain(tokens), atol=1e-3)


def test_dpo_tells_live_what_the_page_shows(store, config):
    run = store.create(config("dpo", train={"learning_rate": 0.003}), "pairs")
    train_run(run)
    first, *_, last = records(run)
    assert first["margin"] == pytest.approx(0.0, abs=1e-5)
    assert last["margin"] > 0.1
    for record in (first, last):
        assert record["chosen"] < 0
        assert record["rejected"] < 0
        assert 0.0 <= record["wins"] <= 1.0
    assert records(run, "evaluation")[-1]["margin"] > 0
    # A pair's loss is no surprise at a text.
    assert records(run, "evaluation")[-1]["bits_per_character"] is None
    assert records(run, "evaluation")[-1]["perplexity"] is None


def test_not_a_number_stops_keeps_what_is_good_and_says_what_to_change(store, config):
    # Each step multiplies the weights by 1 − 10 · 10: soon they are infinite.
    wild = {"learning_rate": 10.0, "weight_decay": 10.0, "schedule": "constant"}
    run = store.create(config(train={"eval_interval": 1, "warmup_steps": 0} | wild))
    with pytest.raises(RunError, match="Lower the learning rate") as caught:
        train_run(run)
    assert "before it could spoil the weights" in str(caught.value)
    assert run.status().state == "failed"
    # Which step overflows first depends on the processor's rounding.
    failed = int(re.search(r"at step (\d+)", str(caught.value))[1])
    assert [step for step, _ in run.checkpoints()] == list(range(failed))
    for _, path in run.checkpoints():
        model = load_checkpoint(path).model
        assert all(weight.isfinite().all() for weight in model.state_dict().values())


def test_a_run_is_not_resumed_on_another_base(store, config, base):
    run = store.create(config(**LORA), "moved")
    train_run(run, callbacks=[StopAfter(run, 6)])
    other = load_checkpoint(base)
    with torch.no_grad():
        other.model.token_embedding.weight += 1
    save_checkpoint(base, other.model, other.tokenizer)
    with pytest.raises(RunError, match="other weights than when the run began"):
        train_run(run, resume=True)


def test_a_run_is_not_resumed_on_changed_examples(store, config, data):
    from pathlib import Path

    run = store.create(config(), "edited")
    train_run(run, callbacks=[StopAfter(run, 6)])
    path = Path(data["sft"])
    path.write_text(path.read_text().replace("Mia", "Max"))
    with pytest.raises(RunError, match="has changed since the run began"):
        train_run(run, resume=True)


def test_examples_that_are_wrong_fail_the_run_with_their_line(store, config, data):
    from pathlib import Path

    path = Path(data["sft"])
    good = path.read_text()
    for bad, complaint in [
        (good + "\n{not JSON}", "line 7: "),
        (good.splitlines()[0], "at least 2 are needed"),
    ]:
        path.write_text(bad)
        run = store.create(config())
        with pytest.raises(DataError, match=complaint):
            train_run(run)
        assert run.status().state == "failed"
