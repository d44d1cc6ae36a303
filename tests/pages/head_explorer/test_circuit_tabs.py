"""What a head moves, and who reads whom: two tabs on models of several kinds."""

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.interpret.weights.composition import compositions
from minigpt.interpret.weights.token_maps import qk_map
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer

PAGE = "pages/head_explorer/head_explorer.py"
MOVES, COMPOSITION = "What it moves", "Composition"
WORDS = " ".join(f"word{number}" for number in range(200))


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Return a data directory with a Llama of many words and a GPT-2 of few signs."""
    data = tmp_path_factory.mktemp("kinds")
    shapes = {
        "llama": {
            "positional_encoding": "rope",
            "norm": "rmsnorm",
            "num_kv_heads": 1,
            "tie_embeddings": False,
        },
        "gpt2": {},
    }
    for name, shape in shapes.items():
        kind, text = ("word", WORDS) if name == "llama" else ("char", "a *b* <c>")
        tokenizer = build_tokenizer(TokenizerConfig(kind=kind), text)
        torch.manual_seed(1)
        model = create_model(
            "transformer",
            vocab_size=tokenizer.vocab_size,
            d_model=16,
            num_layers=2,
            num_heads=2,
            max_seq_len=16,
            **shape,
        ).requires_grad_(False)
        # What L0H1 writes is what L1H0's queries are made of.
        model.blocks[1].attn.qkv.weight[:8] = model.blocks[0].attn.output.weight.T[8:]
        save_checkpoint(data / "models" / name, model, tokenizer, step=1)
    return data


def said(app) -> str:
    assert not app.exception
    return " ".join(each.value for each in (*app.markdown, *app.caption))


def assert_code_gives_what_is_drawn(app, *names):
    for name in names:
        recipe = app.session_state["_recipes"][name]
        found = {}
        exec(recipe.lines, found)
        np.testing.assert_allclose(
            np.array(found[recipe.variable]), np.array(recipe.drawn), atol=1e-5
        )


def test_a_small_vocabulary_is_shown_whole_and_one_token_is_looked_up(open_page, kinds):
    query = {"model": "gpt2", "prompt": "a <c>", "layer": "1", "head_tab": MOVES}
    app = open_page(PAGE, data=kinds, **query, moved_token="b")
    words = said(app)
    size = load_checkpoint(kinds / "models/gpt2").model.config.vocab_size
    assert f"All {size} tokens" in words
    assert "Reading **b**, L1H0 raises" in words
    assert "positions and earlier layers are left out" in words
    assert_code_gives_what_is_drawn(app, "token map", "one token's row")


def test_of_a_large_vocabulary_the_prompts_tokens_are_shown_at_a_distance(
    open_page, kinds
):
    query = {"model": "llama", "prompt": "word3 word7 word3", "head_tab": MOVES}
    looks = "What it looks for (QK)"
    app = open_page(PAGE, data=kinds, **query, moved_view=looks, moved_distance="4")
    assert "The prompt's 2 different tokens" in said(app)
    assert "with the key 4 tokens before the query" in said(app)
    assert_code_gives_what_is_drawn(app, "token map", "one token's row")
    model, tokenizer, _ = load_checkpoint(kinds / "models/llama")
    ids = [tokenizer.encode(word)[0] for word in ("word3", "word7")]
    drawn = app.session_state["_recipes"]["token map"].drawn
    np.testing.assert_allclose(drawn, qk_map(model, 0, 0, ids, ids, 4), atol=1e-5)


def test_a_head_made_for_another_is_linked_with_it(open_page, kinds, monkeypatch):
    monkeypatch.setattr("pages.head_explorer.composition.QUICK", 0)
    query = {"model": "llama", "prompt": "word1", "head_tab": COMPOSITION}
    through = {"composition": "its queries (Q)", "layer": "1"}
    app = open_page(PAGE, data=kinds, **query, **through)
    words = said(app)
    assert "**L0H1 → L1H0** stands out most, of 1: Q-composition" in words
    assert "RoPE's turning is left out" in words
    assert_code_gives_what_is_drawn(app, "composition", "partners")
    model, _, _ = load_checkpoint(kinds / "models/llama")
    (link,) = compositions(model).links("q")
    place = "compositions(model).scores['q'][(1, 0, 0, 1)] = "
    (traced,) = (each.value for each in app.code if each.value.startswith(place))
    assert float(traced.removeprefix(place)) == pytest.approx(link.score, abs=5e-5)
