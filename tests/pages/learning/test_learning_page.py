"""What the page shows of learning is what torch computes, in every view."""

import copy
import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.checkpoint import load_checkpoint

PAGE = "pages/learning/learning.py"
PROMPT = "the red kite"
VIEWS = (
    "1 The loss",
    "2 The gradient",
    "3 One step",
    "4 Its size",
    "5 Again and again",
)


def opened_model(models, name="glass/checkpoints/checkpoint_step_100"):
    model, tokenizer, _ = load_checkpoint(models / "models" / name)
    return model, torch.tensor([tokenizer.encode(PROMPT)])


def losses_of(model, tokens):
    return F.cross_entropy(model(tokens)[0, :-1], tokens[0, 1:], reduction="none")


def grids(app):
    return [
        json.loads(node.proto.json)
        for node in app.get("bidi_component")
        if node.proto.component_name == "minigpt.value_grid"
    ]


def numbers(grid):
    return np.array(grid["numbers"], dtype=float)


def said(app):
    return [each.value for each in (*app.caption, *app.code, *app.text)]


@pytest.mark.parametrize("model", ["glass", "mlp"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_for_every_kind_of_model(view, model, open_page):
    app = open_page(PAGE, prompt=PROMPT, model=model, learning_view=view)
    assert not app.exception
    assert not any("broke" in text for text in said(app))
    assert app.button_group(key="learning_view").value == view
    assert len(app.session_state["_recipes"]) == 1


def test_the_losses_are_those_of_the_next_tokens(open_page, view, models):
    app = open_page(PAGE, prompt=PROMPT)
    model, tokens = opened_model(models)
    own = losses_of(model, tokens).detach().numpy()
    grid = view(app, "value_grid")
    np.testing.assert_allclose(numbers(grid)[1], own, atol=1e-4)
    assert grid["columns"][0] == "1 h"
    assert any(f"= {own.mean():.4f} nats" in text for text in said(app))


def test_the_gradient_is_revealed_from_the_end(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, learning_view=VIEWS[1])
    whole = view(app, "value_grid")
    slider = app.select_slider(key="reached")
    assert slider.options[0] == whole["columns"][-1] == "logits"
    slider.set_value(slider.options[2]).run()
    shown = view(app, "value_grid")
    blank = [[level is None for level in row] for row in shown["levels"]]
    row = [True] * (len(shown["columns"]) - 3) + [False] * 3
    assert blank == [row for _ in shown["rows"]]
    assert not any(None in row for row in whole["levels"])


@pytest.mark.parametrize("matrix", ["W_Q", "W_V", "W_O", "W_in", "W_out", "embedding"])
def test_the_matrix_is_stepped_as_torch_steps_it(matrix, open_page, models):
    query = {"learning_view": VIEWS[2], "matrix": matrix, "layer": "1", "head": "1"}
    app = open_page(PAGE, prompt=PROMPT, rate="0.1", **query)
    assert not app.exception
    model, tokens = opened_model(models)
    losses_of(model, tokens).mean().backward()
    heads = {"W_Q": (8, 0), "W_V": (40, 0), "W_O": (0, 8)}
    path = {
        "W_in": "blocks.1.mlp.input",
        "W_out": "blocks.1.mlp.output",
        "W_O": "blocks.1.attn.output",
        "embedding": "token_embedding",
    }.get(matrix, "blocks.1.attn.qkv")
    weight = model.get_submodule(path).weight
    down, right = heads.get(matrix, (0, 0))
    found = grids(app)
    assert [grid["unit"].partition(",")[0] for grid in found] == [
        "weight",
        "gradient",
        "update",
        "weight afterwards",
    ]
    row, column = int(found[0]["rows"][0]), int(found[0]["columns"][0])
    w = float(weight[down + row, right + column])
    g = float(weight.grad[down + row, right + column])
    for grid, value in zip(found, (w, g, -0.1 * g, w - 0.1 * g), strict=True):
        sentence = grid["sentences"][0][0]
        assert sentence.startswith(f"Row {row}, column {column}: ")
        assert float(sentence.split()[-1]) == pytest.approx(value, rel=2e-3, abs=2e-4)


def test_a_chosen_weight_shows_its_own_arithmetic(open_page):
    app = open_page(PAGE, prompt=PROMPT, learning_view=VIEWS[2], optimizer="Muon")
    lines = [code.value for code in app.code if "orthogonalize(a of" in code.value]
    assert len(lines) == 1
    assert [line[0] for line in lines[0].splitlines() if line[0] != " "] == list("maow")
    assert [grid["selected"] for grid in grids(app)] == [[0, 0]] * 4


def test_steps_are_taken_and_taken_back(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, learning_view=VIEWS[4], rate="0.3")
    buttons = {button.label: button for button in app.button}
    assert buttons["Undo"].disabled
    assert buttons["Start over"].disabled
    buttons["Repeat the step"].click().run()
    model, tokens = opened_model(models)
    own = copy.deepcopy(model)
    before = losses_of(own, tokens).mean()
    before.backward()
    torch.optim.SGD(own.parameters(), lr=0.3).step()
    after = float(losses_of(own, tokens).mean())
    words = f"Steps taken: 1. Loss: {after:.4g} nats; at first: {float(before):.4g}."
    assert words in said(app)

    def press(label):
        next(each for each in app.button if each.label == label).click().run()
        return app.slider(key="steps").value

    assert press("Ten more") == 11
    assert press("Undo") == 10
    assert press("Start over") == 0
    assert any("Steps taken: 0" in text for text in said(app))


def test_another_optimizer_starts_over_at_its_own_best_step(open_page):
    app = open_page(PAGE, prompt=PROMPT, learning_view=VIEWS[4], rate="0.0003")
    assert app.select_slider(key="rate").value == 0.0003
    app.slider(key="steps").set_value(5).run()
    app.button_group(key="optimizer").set_value("AdamW").run()
    assert app.slider(key="steps").value == 0
    assert app.select_slider(key="rate").value != 0.0003


def test_a_prompt_is_learned_by_heart(open_page):
    app = open_page(
        PAGE, prompt="the", learning_view=VIEWS[4], optimizer="AdamW", rate="0.01"
    )
    app.slider(key="steps").set_value(50).run()
    assert any("Learned by heart" in text for text in said(app))


def test_the_shared_model_stays_as_it_was(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, learning_view=VIEWS[4], rate="10")
    first = next(each for each in said(app) if each.startswith("Steps taken: 0"))
    app.slider(key="steps").set_value(8).run()
    app.slider(key="steps").set_value(0).run()
    assert first in said(app)
    fresh, tokens = opened_model(models)
    assert f"Loss: {float(losses_of(fresh, tokens).mean()):.4g} nats" in first


@pytest.mark.parametrize(
    ("query", "words"),
    [({"prompt": "t"}, "type at least one more"), ({"prompt": "a" * 65}, "65 tokens")],
)
def test_what_cannot_be_learned_is_said_in_place(query, words, open_page):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text for text in said(app))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", "Muon"])
def test_the_code_of_every_view_gives_its_numbers(view, optimizer, open_page):
    query = {"learning_view": view, "optimizer": optimizer, "matrix": "W_K"}
    app = open_page(PAGE, prompt=PROMPT, **query)
    for recipe in app.session_state["_recipes"].values():
        names = {}
        exec(recipe.lines, names)
        found = names[recipe.variable]
        np.testing.assert_allclose(np.array(found), recipe.drawn, rtol=2e-3, atol=1e-3)
