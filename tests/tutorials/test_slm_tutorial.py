"""Chapter 6 of "Building Your SLM" (fine-tuning), task by task, with our commands.

1. Collect task-specific data. 2. Format as instruction-response pairs. 3. Fine-tune
your pre-trained model. 4. Evaluate on a held-out test set.

The model is narrower than the chapter's and learns for fewer steps, to take seconds.
"""

import json
import re
from random import Random

import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.cli import main
from minigpt.finetuning.answering import reply
from minigpt.model import create_model
from minigpt.tokenizers import WordTokenizer
from minigpt.tokenizers.chat import Message

NAMES = ("Mia", "Tom", "Ann", "Ben", "Eve", "Sam", "Ida", "Max", "Amy", "Leo")
THINGS = ("kite", "drum", "boat", "lamp", "coin", "hat", "cup", "bell")


@pytest.fixture
def pretrained(tmp_path, monkeypatch):
    """Have a small model where `--base small` finds it, and work beside it."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(
        f"{' '.join(NAMES + THINGS)} had a it . Summarize this text :"
    )
    torch.manual_seed(0)
    sizes = {"d_model": 32, "num_layers": 2, "num_heads": 2, "max_seq_len": 32}
    model = create_model("transformer", vocab_size=tokenizer.vocab_size, **sizes)
    save_checkpoint(tmp_path / "data" / "models" / "small", model, tokenizer)
    return tmp_path


def run(capsys, line):
    assert main(line.split()) == 0
    return capsys.readouterr().out


def test_chapter_6_from_examples_to_a_score_on_held_out_ones(pretrained, capsys):
    # 1 and 2: the chapter's format, as it stands there.
    examples = [
        {
            "instruction": "Summarize this text:",
            "input": f"{name} had a {thing} .",
            "output": f"{name} had it .",
        }
        for name in NAMES
        for thing in THINGS
    ]
    Random(0).shuffle(examples)
    train, test = examples[:64], examples[64:]
    (pretrained / "examples.json").write_text(json.dumps(train, indent=4))
    (pretrained / "test.json").write_text(json.dumps(test))
    # 3
    out = run(
        capsys,
        "finetune sft --base small --data_file examples.json --name summaries "
        "--max_steps 200 --batch_size 16 --learning_rate 0.004 --eval_interval 50 "
        "--num_threads 1",
    )
    losses = [float(x) for x in re.findall(r"validation loss (\d+\.\d+)", out)]
    assert losses[-1] < losses[0] / 2
    # 4
    command = re.search(r"python -m minigpt (finetune evaluate .+)", out)[1]
    out = run(capsys, f"{command} --data_file test.json")
    right, number = re.search(r"exact match +(\d+) of (\d+)", out).groups()
    assert int(number) == len(test)
    assert int(right) >= len(test) / 2  # by chance it would be one in ten
    # What the shell says is what Python does.
    tuned = load_checkpoint(pretrained / "data/runs/summaries/checkpoints/best_model")
    hits = sum(
        reply(
            tuned.model,
            tuned.tokenizer,
            [Message("user", f"{one['input']}\n\n{one['instruction']}")],
        )
        == one["output"]
        for one in test
    )
    assert hits == int(right)
