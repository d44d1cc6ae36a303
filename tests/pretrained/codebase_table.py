"""Makes `docs/codebases.md`: what opens of other programs, tried when it is made.

    PYTHONPATH=.:tests .venv/bin/python tests/pretrained/codebase_table.py

Every row is a file as its program writes it, of a model with random weights that
`transformers` computes too.
"""

import json
import tempfile
from pathlib import Path

import torch
import transformers
from pretrained import codebase_writers as writers
from pretrained.test_codebases import (
    TOKENS,
    as_nanogpt,
    gpt2,
    llama,
    metas,
    shaken,
    write_bin,
)
from pretrained.test_more_codebases import newer_gpt2
from pretrained.test_nanochat import META as META_OF_NANOCHAT
from pretrained.test_nanochat import nanochat
from pretrained.test_tutorial import Tutorial, saved

import minigpt
from minigpt.tokenizers import BPETokenizer

PAGE = Path(__file__).parents[2] / "docs" / "codebases.md"
LLAMA2C = {"dim": 32, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "max_seq_len": 40}
META = {"dim": 32, "n_layers": 2, "n_heads": 4, "norm_eps": 1e-5}
HEAD = """# Checkpoints of other programs

Made by `tests/pretrained/codebase_table.py`: for each row a model of random weights was
written as the program writes it, opened here, and compared with `transformers`. Logits
differ by at most 0.0001, and the likeliest tokens are the same.

| program | file | beside it | what the note says |
|---|---|---|---|
"""


def tied_gpt2():
    """A GPT-2 as `transformers` has it."""
    theirs = newer_gpt2()
    theirs.config.tie_word_embeddings = True
    theirs.lm_head.weight = theirs.transformer.wte.weight
    return theirs


def cases():
    """Yield program, file, model, what is saved, and the JSON beside it, if any."""
    exact, newer, small = gpt2(), newer_gpt2(), llama()
    heads = ("model.json", {"n_heads": 3})
    yield "nanoGPT", "ckpt.pt", exact, as_nanogpt(exact), None
    alone = as_nanogpt(exact)["model"]
    yield "nanoGPT, weights alone", "model.pt", exact, alone, heads
    yield "minGPT", "model.pt", newer, writers.mingpt(newer), None
    book = writers.llms_from_scratch(newer)
    chat = nanochat(num_key_value_heads=2)
    meta = ("meta_000650.json", {"model_config": META_OF_NANOCHAT})
    yield "nanochat", "model_000650.pt", chat, writers.nanochat(chat), meta
    yield "LLMs-from-scratch", "model.pth", newer, book, heads
    trained = {"model_state_dict": book, "optimizer_state_dict": {}}
    yield "LLMs-from-scratch, in training", "model.pth", newer, trained, heads
    lens = writers.transformer_lens(newer)
    yield "TransformerLens", "model.pt", newer, lens, None
    folded = writers.transformer_lens(newer, folded=True)
    yield "TransformerLens, folded", "model.pt", newer, folded, None
    tutorial = shaken(Tutorial())
    yield "the tutorials", "best_model.pt", tutorial, saved(tutorial), None
    yield "llama2.c", "model.bin", small, 0, None
    yield "llama2.c, version 1", "model.bin", small, 1, None
    state = {"model": metas(small), "model_args": LLAMA2C | {"vocab_size": 300}}
    yield "llama2.c, in training", "ckpt.pt", small, state, None
    params = ("params.json", META | {"n_kv_heads": 2})
    yield "Meta's Llama", "consolidated.00.pth", small, metas(small), params
    tied = tied_gpt2()
    yield "transformers' GPT-2", "model.pt", tied, tied.state_dict(), None


def row(case, folder):
    """Write, open and compare one; return its line."""
    program, name, theirs, content, beside = case
    file = folder / name
    if isinstance(content, int):
        write_bin(file, theirs, content)
    else:
        torch.save(content, file)
    if beside is not None:
        (folder / beside[0]).write_text(json.dumps(beside[1]), encoding="utf-8")
    opened = minigpt.from_pretrained(file)
    with torch.inference_mode():
        found, wanted = opened.model(TOKENS), theirs(TOKENS).logits
    assert (found - wanted).abs().max() <= 1e-4, program
    assert torch.equal(found.argmax(-1), wanted.argmax(-1)), program
    notes = opened.metadata.provenance["notes"]
    given = "" if beside is None else f"`{beside[0]}`"
    return f"| {program} | `{name}` | {given} | {notes} |\n"


def page():
    """Return the page's text."""
    tokenizer, lines = BPETokenizer(280), []
    tokenizer.build_vocab("the cat sat on the mat " * 20)
    for case in cases():
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save_huggingface(Path(folder))
            lines.append(row(case, Path(folder)))
    return HEAD + "".join(lines)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    PAGE.write_text(page(), encoding="utf-8")
