"""What the block page draws is the hooks', for models with and without an MLP."""

import base64

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.model import create_model

PAGE = "pages/block/block.py"
PROMPT = "the red kite"


def floats(packed):
    return np.frombuffer(base64.b64decode(packed), dtype="<f4")


def hooks_of(models):
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    tokens = torch.tensor([tokenizer.encode(PROMPT)])
    with torch.inference_mode():
        return model.run_with_cache(tokens, lambda name: True)[1]


def test_the_road_holds_the_hooks_of_the_chosen_token(open_page, view, models):
    app = open_page(PAGE, prompt=PROMPT, layer="1", token="5")
    assert not app.exception
    road, cache = view(app, "residual_block"), hooks_of(models)
    expected = {
        "before": cache["resid_pre", 1],
        "attended": cache["attn_out", 1],
        "middle": cache["resid_mid", 1],
        "activations": cache["post", 1],
        "transformed": cache["mlp_out", 1],
        "after": cache["resid_post", 1],
        "z": cache["z", 1],
        "results": cache["result", 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(
            floats(road[name]), values[0, 5].flatten(), atol=1e-5, err_msg=name
        )
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    with torch.inference_mode():
        read = load_checkpoint(path)[0].blocks[1].ln1(cache["resid_pre", 1])[0, 5]
    np.testing.assert_allclose(floats(road["norms"][0]["out"]), read, atol=1e-5)
    scale = float(cache["scale", 1, "ln2"][0, 5, 0])
    assert road["norms"][1]["scale"] == pytest.approx(scale, rel=1e-5)
    post = cache["post", 1][0, 5]
    assert road["neurons"][0]["index"] == int(post.abs().argmax())


def test_a_model_without_mlps_is_shown_without_them(open_page, view, models, tmp_path):
    glass = models / "models/glass/checkpoints/checkpoint_step_100"
    _, tokenizer, _ = load_checkpoint(glass)
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=1,
        num_heads=1,
        d_ff=0,
        max_seq_len=64,
    )
    save_checkpoint(tmp_path / "models" / "bare", model, tokenizer, step=1)
    app = open_page(PAGE, data=tmp_path, prompt=PROMPT)
    assert not app.exception
    assert not any("broke" in text.value for text in app.text)
    road = view(app, "residual_block")
    assert road["transformed"] is None
    assert road["norms"][1] is None
    assert len(app.radio) == 3  # one to predict, two to check


def test_the_number_below_the_road_is_the_tensors(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, layer="0", token="2")
    lines = [code.value for code in app.code]
    line = next(text for text in lines if "hook_resid_post[0, 2, 0]" in text)
    value = float(hooks_of(models)["resid_post", 0][0, 2, 0])
    assert float(line.partition(" = ")[2]) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize(
    ("query", "words"),
    [({"model": "mlp"}, "no attention heads"), ({"prompt": "a" * 65}, "65 tokens")],
)
def test_what_cannot_be_shown_is_said_in_place(open_page, query, words):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text.value for text in app.text)


def test_a_prompt_of_one_token_is_read(open_page, view):
    app = open_page(PAGE, prompt="a")
    assert not app.exception
    assert view(app, "residual_block")["side"] == 1
