"""A model with every trick, on the pages that look inside: they open and are honest."""

import json

import navigation
import numpy as np
import pytest
import torch

from minigpt.checkpoint import save_checkpoint
from minigpt.config import TokenizerConfig, get_recipe
from minigpt.datasets.tales.story import generate_tales
from minigpt.interpret.provenance import trace
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer

PROMPT = "Mia had a red kite. Mia had a"
INSIDE = [page.path for page in navigation.PAGES if page.section == "Look inside"]


@pytest.fixture(scope="module")
def speedrun_models(tmp_path_factory):
    """Return a data directory whose one model is a speedrun's, made small."""
    data = tmp_path_factory.mktemp("speedrun")
    tokenizer = build_tokenizer(TokenizerConfig(kind="char"), generate_tales(20_000))
    small = {"d_model": 16, "num_heads": 2, "vocab_size": tokenizer.vocab_size}
    torch.manual_seed(0)
    model = create_model(
        "transformer", **get_recipe("speedrun").transformer.replace(**small).to_dict()
    )
    with torch.no_grad():
        model.token_shift.mix.fill_(0.7)
    path = data / "models" / "glass"
    save_checkpoint(path, model, tokenizer, step=3)
    about = {"title": "glass", "description": "A speedrun."}
    (path / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return data


def numbers(value) -> np.ndarray:
    """Flatten whatever a figure drew."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return np.concatenate([np.zeros(0), *map(numbers, value)])
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    return np.asarray(value, dtype=float).ravel()


@pytest.mark.parametrize("page", INSIDE)
def test_a_page_opens_it_and_the_code_gives_what_was_drawn(
    page, open_page, speedrun_models
):
    app = open_page(page, data=speedrun_models, prompt=PROMPT)
    assert not app.exception
    assert not app.error
    for name, recipe in dict(app.session_state["_recipes"]).items():
        names: dict[str, object] = {}
        exec(recipe.lines, names)
        np.testing.assert_allclose(
            numbers(names[recipe.variable]),
            numbers(recipe.drawn),
            rtol=1e-4,
            atol=1e-4,
            err_msg=name,
        )


def test_a_value_names_the_tokens_own_share_among_its_operands():
    torch.manual_seed(0)
    model = create_model("transformer", vocab_size=11, value_embeddings=True).eval()
    found = trace(model, [3, 1, 4], "blocks.1.attn.hook_v", (0, 2, 1, 5))
    assert found.operands.labels[-1] == "value embedding"
    own = model.blocks[1].attn.value_embedding.weight[4, 32 + 5].item()
    assert found.operands.columns["product"][-1] == pytest.approx(own, rel=1e-5)
