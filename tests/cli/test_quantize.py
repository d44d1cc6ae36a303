"""`quantize`: a model of few bits, and everything that a model is used for."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import minigpt
from minigpt.checkpoint import load_checkpoint
from minigpt.cli import main
from minigpt.lesson_file.contents import plain_weights
from minigpt.library.catalogue import find_model
from minigpt.library.inventory import describe_model
from minigpt.model import TransformerLM
from minigpt.quantization import QuantizedLinear, dequantize
from minigpt.tokenizers import CharTokenizer

TEXT = "the cat sat on the mat. "


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data directory with a small model, `mine`."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(TEXT)
    torch.manual_seed(0)
    model = TransformerLM(vocab_size=tokenizer.vocab_size, d_model=64, num_heads=2)
    told = {"validation_loss": 1.5, "command": "made by hand"}
    place = tmp_path / "data" / "models" / "mine"
    minigpt.save_checkpoint(place, model, tokenizer, provenance=told)
    return tmp_path / "data"


def refusal(capsys, *words):
    assert main(["quantize", *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("minigpt: ")
    return error[-1]


def test_a_quantized_model_is_one_of_the_library_and_writes(home, capsys):
    assert main(["quantize", "mine"]) == 0
    said = capsys.readouterr().out
    assert "int8, one scale per row: 0.2" in said
    facts = describe_model(find_model(home, "mine-int8"))
    assert facts.quantization == "int8, one scale per row"
    assert facts.loss is None  # that of before would not be its own
    assert facts.command == "python -m minigpt quantize mine --bits 8"
    whole = describe_model(find_model(home, "mine"))
    assert facts.num_parameters == whole.num_parameters
    assert facts.num_bytes < 0.35 * whole.num_bytes
    model = ["--model_path", "mine-int8", "--prompt", "the c"]
    assert (
        main(["generate", *model, "--temperature", "0", "--max_new_tokens", "8"]) == 0
    )
    written = capsys.readouterr().out
    opened = load_checkpoint(facts.path)
    assert isinstance(opened.model.blocks[0].attn.qkv, torch.nn.Linear)
    plain = minigpt.Generator(opened.model, opened.tokenizer)
    assert plain.generate_greedy("the c", max_new_tokens=8) in written


def test_four_bits_go_anywhere_and_are_read_by_everything_else(home, capsys):
    assert main(["quantize", "mine", "--bits", "4", "-o", "small"]) == 0
    fields = json.loads(Path("small/config.json").read_text(encoding="utf-8"))
    assert fields["quantization"] == {"bits": 4, "group_size": 64, "zero_point": True}
    kept = load_checkpoint("small", keep_integers=True).model
    assert isinstance(kept.blocks[0].attn.qkv, QuantizedLinear)
    expected = dequantize(kept).state_dict()
    for model in (kept, load_checkpoint("small").model):
        carried = plain_weights(model)
        assert set(carried) == set(expected)
        assert all(np.array_equal(carried[name], expected[name]) for name in expected)
    assert main(["export", "small", "out"]) == 0
    theirs = transformers.AutoModelForCausalLM.from_pretrained("out").eval()
    tokens = torch.tensor([[4, 5, 6, 7]])
    torch.testing.assert_close(theirs(tokens).logits, kept(tokens), atol=1e-4, rtol=0)
    assert main(["import", "small", "again"]) == 2  # a checkpoint is not imported so
    capsys.readouterr()


def test_what_cannot_be_quantized_is_one_line(home, capsys):
    assert main(["quantize", "mine"]) == 0
    assert "already" in refusal(capsys, "mine")
    assert "is quantized already" in refusal(capsys, "mine-int8", "--name", "x")
    assert "invalid choice '3'" in refusal(capsys, "mine", "--bits", "3")
    assert "group_size is 1" in refusal(capsys, "mine", "--group_size", "1")
    assert "no model has that name" in refusal(capsys, "yours")
    assert "holds other things" in refusal(capsys, "mine", "-o", str(home))
