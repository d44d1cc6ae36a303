import base64

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets.tales.story import generate_tales
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.heads.head_names import head_names, name_in_words
from minigpt.interpret.heads.null_band import null_band
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer
from pages.head_explorer import held_out as held_out_page

PAGE = "pages/head_explorer/head_explorer.py"
TABS = (
    "Habits",
    "On another text",
    "Every score",
    "Side by side",
    "In its corpus",
    "Without it",
    "Weights",
    "What it moves",
    "Composition",
    "Notes",
)

MARKUP = "<b>*a*</b>[b](c)$d$`e`"


def checkpoint(models, step=100):
    return models / f"models/glass/checkpoints/checkpoint_step_{step}"


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


def assert_shown(data, pattern):
    shown = shown_weights(data)
    below = np.tril_indices(len(shown))
    np.testing.assert_array_equal(shown[below], np.rint(pattern * 1000)[below])


def open_tab(app, name):
    app.session_state["head_tab"] = name
    return app.run()


def run_recipe(app, name):
    """Return what the lines under a figure give, and what the figure drew."""
    recipe = app.session_state["_recipes"][name]
    names = {}
    exec(recipe.lines, names)
    found = names[recipe.variable]
    if isinstance(found, torch.Tensor):
        found = found.detach().numpy()
    return np.array(found), np.array(recipe.drawn)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Return a data directory with models of unusual shapes."""
    data = tmp_path_factory.mktemp("shapes")
    text = MARKUP + generate_tales(20_000)
    tokenizer = build_tokenizer(TokenizerConfig(kind="char"), text)
    shapes = {
        "single": {"d_model": 8, "num_layers": 1, "num_heads": 1},
        "many": {"d_model": 50, "num_layers": 48, "num_heads": 25, "d_ff": 16},
        "attention": {"d_model": 8, "num_layers": 2, "num_heads": 2, "d_ff": 0},
    }
    for name, shape in shapes.items():
        torch.manual_seed(0)
        model = create_model(
            "transformer", vocab_size=tokenizer.vocab_size, max_seq_len=32, **shape
        )
        save_checkpoint(data / "models" / name, model, tokenizer, step=1)
    return data


def test_the_heat_map_shows_the_chosen_heads_own_weights(open_page, view, models):
    app = open_page(PAGE, prompt="the red kite", layer="1", head="1")
    pattern = pattern_of(checkpoint(models), "the red kite", 1)[1]
    assert_shown(view(app, "attention_heatmap"), pattern)


def test_the_number_under_the_map_is_the_tensors(open_page, models):
    app = open_page(PAGE, prompt="the red kite", layer="1", head="0", token="5")
    lines = [code.value for code in app.code if code.value.startswith("blocks.1")]
    name, _, value = lines[0].partition(" = ")
    assert name.startswith("blocks.1.attn.hook_pattern[0, 0, 5, ")
    key = int(name.rstrip("]").rpartition(" ")[2])
    pattern = pattern_of(checkpoint(models), "the red kite", 1)[0]
    assert float(value) == pytest.approx(float(pattern[5, key]), abs=5e-5)
    assert key == int(pattern[5].argmax())


def test_the_step_slider_opens_an_earlier_checkpoint(open_page, view, models):
    app = open_page(PAGE, prompt="the cat", step="10")
    pattern = pattern_of(checkpoint(models, 10), "the cat", 0)[0]
    assert_shown(view(app, "attention_heatmap"), pattern)


def test_lines_show_the_same_head(open_page, view):
    app = open_page(PAGE, prompt="the cat", layer="1", head="1")
    app.button_group(key="pattern_view").set_value("Lines").run()
    data = view(app, "head_lines")
    assert data["heads"] == [1]
    assert data["names"] == ["L1H0", "L1H1"]


@pytest.mark.parametrize(
    "score",
    ["previous_token", "induction", "duplicate_token", "first_token", "self_token"],
)
def test_the_bar_under_each_head_stands_beside_the_untrained_band(
    open_page, view, models, score
):
    app = open_page(PAGE, prompt="the red kite the red")
    app.selectbox(key="grid_score").set_value(score).run()
    data = view(app, "head_grid")
    drawn = np.array(data["scores"])
    found, _ = run_recipe(app, "all heads")
    np.testing.assert_allclose(drawn, found, atol=5e-4)
    model, tokenizer, _ = load_checkpoint(checkpoint(models))
    null = null_band(model.config, [tokenizer.encode("the red kite the red")])
    for shown, edge in zip(("low", "high"), null.edges(score), strict=True):
        np.testing.assert_allclose(np.array(data[shown]), edge, atol=5e-4)


def test_the_entropys_bar_is_full_where_a_head_reads_evenly(open_page, view):
    app = open_page(PAGE, prompt="the red kite")
    app.selectbox(key="grid_score").set_value("entropy").run()
    assert view(app, "head_grid")["limit"] == pytest.approx(np.log(12))


@pytest.mark.parametrize("tab", TABS)
def test_every_figure_is_rebuilt_by_the_lines_under_it(open_page, tab):
    app = open_page(PAGE, prompt="a 'quoted' \"cat\" a cat", layer="0", head="1")
    app.session_state["_pinned"] = [(1, 1)]
    open_tab(app, tab)
    assert not app.exception
    for name in app.session_state["_recipes"]:
        found, drawn = run_recipe(app, name)
        np.testing.assert_allclose(found, drawn, atol=1e-5, err_msg=name)


def test_closed_tabs_cost_nothing(open_page):
    app = open_page(PAGE)
    assert set(app.session_state["_recipes"]) == {
        "all heads",
        "heat map",
        "held-out habits",
    }


def test_a_pinned_head_stays_beside_the_next_one(open_page, models):
    app = open_page(PAGE, prompt="the red kite", layer="1", head="0")
    app.button(key="pin").click().run()
    assert app.session_state["head_tab"] == "Side by side"
    app.number_input(key="head").set_value(1).run()
    _, drawn = run_recipe(app, "side by side")
    patterns = pattern_of(checkpoint(models), "the red kite", 1)
    np.testing.assert_allclose(drawn, patterns, atol=1e-6)
    app.number_input(key="head").set_value(0).run()
    app.button(key="pin").click().run()  # Let it go.
    assert app.session_state["_pinned"] == []


def test_a_pin_of_a_larger_model_is_not_looked_for_in_a_smaller_one(open_page, shapes):
    app = open_page(PAGE, data=shapes, model="single")
    app.session_state["_pinned"] = [(40, 20)]
    open_tab(app, "Side by side")
    assert not app.exception
    assert any("Pin a head" in caption.value for caption in app.caption)


def test_cutting_a_head_changes_the_prediction_as_the_hook_does(open_page, models):
    app = open_page(PAGE, prompt="the red kite", layer="1", head="0")
    open_tab(app, "Without it")
    kl = float(app.metric[0].value.split()[0])
    model, tokenizer, _ = load_checkpoint(checkpoint(models))
    tokens = torch.tensor([tokenizer.encode("the red kite")])

    def cut(z, hook):
        z = z.clone()
        z[:, :, 0] = 0
        return z

    with torch.inference_mode():
        before = model(tokens)[0, -1].log_softmax(-1)
        hooks = [("blocks.1.attn.hook_z", cut)]
        after = model.run_with_hooks(tokens, hooks)[0, -1].log_softmax(-1)
    expected = (before.exp() * (before - after)).sum()
    assert kl == pytest.approx(float(expected), abs=5e-4)


@pytest.mark.parametrize("model", ["single", "many", "attention"])
@pytest.mark.parametrize("prompt", ["the red kite", "t"])
def test_models_of_any_shape_are_shown_in_every_tab(open_page, shapes, model, prompt):
    app = open_page(PAGE, data=shapes, model=model, prompt=prompt)
    for tab in TABS:
        open_tab(app, tab)
        assert not app.exception
        assert not any("Something broke" in text.value for text in app.text)


def test_a_head_that_is_not_held_against_untrained_ones_gets_no_name(
    open_page, monkeypatch
):
    monkeypatch.setattr("pages.head_explorer.study.MOST", 1)
    app = open_page(PAGE, layer="1")
    assert "L1H0 · not compared with untrained heads" in [
        head.value for head in app.subheader
    ]


def test_names_come_from_held_out_text_once_it_is_compared(
    open_page, shapes, monkeypatch
):
    monkeypatch.setattr("pages.head_explorer.held_out.PATIENCE", 0)
    held_out_page._known().clear()
    app = open_page(PAGE, data=shapes, model="attention", layer="1")
    headings = [head.value for head in app.subheader]
    assert "L1H0 · not compared with untrained heads yet" in headings
    assert not any("untrained heads:" in caption.value for caption in app.caption)
    app.button(key="compare_untrained").click().run()
    model, tokenizer, metadata = load_checkpoint(shapes / "models/attention")
    windows = held_out_windows(metadata, tokenizer, 32, 64)
    name = head_names(model, tokenizer, windows)[1][0]
    assert f"L1H0 · {name_in_words(name)}" in [head.value for head in app.subheader]
    assert "compare_untrained" not in [button.key for button in app.button]
    again = open_page(PAGE, data=shapes, model="attention", layer="1")  # kept for all
    assert f"L1H0 · {name_in_words(name)}" in [head.value for head in again.subheader]


def test_a_large_models_band_comes_after_the_page(open_page, view, monkeypatch):
    monkeypatch.setattr("pages.head_explorer.study.QUICK", 1)
    app = open_page(PAGE, prompt="a prompt of this test alone")
    assert view(app, "head_grid")["low"] is not None
    assert not app.exception


def test_questions_are_graded_by_the_model(open_page, models):
    app = open_page(PAGE, prompt="the red kite the red", layer="1", head="0")
    asked = {radio.label: radio for radio in app.radio}
    assert len(asked) >= 3
    (label,) = (each for each in asked if "Which token does" in each)
    assert "what came next last time" in label or "earlier copies" in label
    query = int(label.partition("does **")[2].partition(" ")[0])
    earlier = "the red kite the red".rindex("the red kite the red"[query], 0, query)
    right = earlier + ("came next" in label)
    options = asked[label].options
    answer = next(n for n, each in enumerate(options) if each.startswith(f"{right} "))
    asked[label].set_value(answer).run()
    verdicts = [text.value for text in app.markdown if "✓" in text.value]
    assert len(verdicts) == 1


def test_pins_are_in_the_address(open_page):
    app = open_page(PAGE, prompt="the red kite", layer="1", head="0")
    app.button(key="pin").click().run()
    assert app.query_params["pins"] in ("L1H0", ["L1H0"])
    again = open_page(
        PAGE, prompt="the red kite", pins="L1H0,L0H1", head_tab="Side by side"
    )
    assert again.session_state["_pinned"] == [(1, 0), (0, 1)]
    assert {"open_L1H0", "open_L0H1"} <= {button.key for button in again.button}


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


def test_markup_in_a_prompt_is_shown_as_typed(open_page, view, shapes):
    app = open_page(PAGE, data=shapes, model="single", prompt=MARKUP)
    assert view(app, "attention_heatmap")["pieces"] == list(MARKUP)
    for tab in TABS:
        open_tab(app, tab)
        assert not app.exception
