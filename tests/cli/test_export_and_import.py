"""`export` and `import`: out to `transformers`, and back to the app's own models."""

import shlex

import pytest
import torch
import transformers

import minigpt
from minigpt.cli import main
from minigpt.library.catalogue import find_model
from minigpt.model import TransformerLM
from minigpt.tokenizers import CharTokenizer, WordTokenizer

TEXT = "the cat sat on the mat. "


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty place to work in."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def save(home):
    """Return a function that saves a small model as `mine`."""

    def save(kind=CharTokenizer, **settings):
        tokenizer = kind()
        tokenizer.build_vocab(TEXT)
        size = tokenizer.vocab_size
        model = TransformerLM(vocab_size=size, d_model=16, num_heads=2, **settings)
        minigpt.save_checkpoint(home / "data" / "models" / "mine", model, tokenizer)
        return model.eval(), torch.tensor([tokenizer.encode(TEXT)])

    return save


def refusal(capsys, *words):
    assert main(words) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("minigpt: ")
    return error[-1]


def test_a_model_goes_out_and_comes_back(save, home, capsys):
    model, tokens = save()
    assert main(["export", "mine", "out"]) == 0
    out = capsys.readouterr()
    assert out.out == "wrote out\n"
    assert "AutoModelForCausalLM.from_pretrained('out')" in out.err
    theirs = transformers.AutoModelForCausalLM.from_pretrained("out").eval()
    torch.testing.assert_close(theirs(tokens).logits, model(tokens), atol=1e-4, rtol=0)

    assert main(["import", "out", "again"]) == 0
    command = capsys.readouterr().err.strip().rpartition("python -m minigpt ")[2]
    assert main(shlex.split(command)) == 0
    entry = find_model(home / "data", "again")
    assert (entry.kind, entry.title) == ("brought", "again")
    assert entry.description.startswith("out, as published. 4 layers of 2 heads")
    again = minigpt.load(entry.path)
    torch.testing.assert_close(again.model(tokens), model(tokens), atol=1e-6, rtol=0)
    assert again.tokenizer.decode(tokens[0]) == TEXT


def test_an_import_of_half_the_size_says_nearly_the_same(save, home, capsys):
    model, tokens = save()
    main(["export", "mine", "out"])
    assert main(["import", "out", "small", "--half"]) == 0
    half = home / "data" / "models" / "small" / "model.safetensors"
    full = home / "data" / "models" / "mine" / "model.safetensors"
    assert half.stat().st_size < 0.7 * full.stat().st_size
    logits = minigpt.load(half.parent).model(tokens)
    torch.testing.assert_close(logits, model(tokens), atol=1e-2, rtol=0)


def test_a_tokenizer_that_cannot_go_along_is_mentioned(save, capsys):
    save(WordTokenizer)
    assert main(["export", "mine", "out"]) == 0
    assert "cannot read a tokenizer of kind word" in capsys.readouterr().err


def test_what_cannot_be_done_is_one_line(save, home, capsys):
    save(positional_encoding="alibi")
    assert "positional_encoding is 'alibi'" in refusal(capsys, "export", "mine", "out")
    assert not (home / "out").exists()
    (home / "full").mkdir()
    (home / "full" / "letter.txt").write_text("dear", encoding="utf-8")
    save()
    assert "choose a new place" in refusal(capsys, "export", "mine", "full")
    assert "Did you mean 'mine'" in refusal(capsys, "export", "mime", "out")
    assert "already: choose" in refusal(capsys, "import", "full", "mine")
    assert "cannot be a name" in refusal(capsys, "import", "full", "../x")
    assert "config.json is missing" in refusal(capsys, "import", "full", "x")
    assert not (home / "data" / "models" / "x").exists()
