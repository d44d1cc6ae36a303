import base64

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint

PAGE = "pages/inside/head_explorer.py"


def pattern_of(path, prompt, layer):
    model, tokenizer, _ = load_checkpoint(path)
    tokens = torch.tensor([tokenizer.encode(prompt)])
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens)
    return cache[f"blocks.{layer}.attn.hook_pattern"][0].numpy()


def shown_weights(data):
    side = len(data["pieces"])
    packed = np.frombuffer(base64.b64decode(data["weights"]), dtype="<u2")
    return packed.reshape(side, side)


def test_the_heat_map_shows_the_chosen_heads_own_weights(open_page, view, models):
    query = {"prompt": "the red kite", "layer": "1", "head": "1"}
    app = open_page(PAGE, **query)
    steps = models / "models/glass/checkpoints"
    pattern = pattern_of(steps / "checkpoint_step_100", "the red kite", 1)[1]
    shown = shown_weights(view(app, "attention_heatmap"))
    below = np.tril_indices(len(shown))
    np.testing.assert_array_equal(shown[below], np.rint(pattern * 1000)[below])


def test_the_number_under_the_map_is_the_tensors(open_page, models):
    app = open_page(PAGE, prompt="the red kite", layer="1", head="0", token="5")
    line = app.code[0].value.splitlines()[0]
    name, _, value = line.partition(" = ")
    assert name.startswith("blocks.1.attn.hook_pattern[0, 0, 5, ")
    key = int(name.rstrip("]").rpartition(" ")[2])
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    pattern = pattern_of(path, "the red kite", 1)[0]
    assert float(value) == pytest.approx(float(pattern[5, key]), abs=5e-5)
    assert key == int(pattern[5].argmax())


def test_the_step_slider_opens_an_earlier_checkpoint(open_page, view, models):
    app = open_page(PAGE, prompt="the cat", step="10")
    path = models / "models/glass/checkpoints/checkpoint_step_10"
    pattern = pattern_of(path, "the cat", 0)[0]
    shown = shown_weights(view(app, "attention_heatmap"))
    below = np.tril_indices(len(shown))
    np.testing.assert_array_equal(shown[below], np.rint(pattern * 1000)[below])


def test_the_code_shown_rebuilds_the_pattern_shown(open_page, view):
    app = open_page(PAGE, prompt="a 'quoted' \"cat\"", layer="0", head="1")
    names = {}
    exec(app.code[-1].value, names)
    pattern = names["pattern"].detach().numpy()
    shown = shown_weights(view(app, "attention_heatmap"))
    below = np.tril_indices(len(shown))
    np.testing.assert_array_equal(shown[below], np.rint(pattern * 1000)[below])


def test_lines_show_the_same_head(open_page, view):
    app = open_page(PAGE, prompt="the cat", layer="1", head="1")
    app.button_group(key="pattern_view").set_value("Lines").run()
    data = view(app, "head_lines")
    assert data["heads"] == [1]
    assert data["names"] == ["L1H0", "L1H1"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"prompt": "a" * 65}, "65 tokens"),
        ({"prompt": "狐"}, "狐"),
        ({"model": "mlp"}, "no attention heads"),
        ({"layer": "9"}, "There is no layer '9' here."),
        ({"step": "11"}, "There is no training step '11' here."),
    ],
)
def test_what_cannot_be_shown_is_said_in_place(open_page, query, words):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text.value for text in app.text)


def test_an_empty_prompt_is_said_in_place(open_page):
    app = open_page(PAGE)
    app.text_input(key="prompt").set_value("").run()
    assert any("prompt is empty" in text.value for text in app.text)
