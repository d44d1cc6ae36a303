"""The Intervene page: what it shows is what the hooks give."""

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint

PAGE = "pages/intervene/intervene.py"
PROMPT = "the red kite"
PAIR = {"clean": "the red kite was", "corrupted": "the tan kite was"}

EVERY_KIND = [
    "L0H1 zero",
    "L1H0 mean",
    "attention1 resample",
    "MLP0 x1.5",
    "L1H1[5,2] zero renormalized",
    "token3 x0.5",
]


@pytest.fixture
def loaded(models):
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    return model.requires_grad_(False), tokenizer


def ids(tokenizer, text=PROMPT):
    return torch.tensor([tokenizer.encode(text)])


def figure(app, name):
    """Return the numbers a figure was drawn from, as its Code recipe knows them."""
    return np.asarray(app.session_state["_recipes"][name].drawn)


def zeroing(head):
    def edit(z, hook):
        z = z.clone()
        z[:, :, head] = 0
        return z

    return edit


def said(app):
    return " ".join(part.value for part in app.markdown)


def test_a_cut_in_the_url_is_made_and_said(open_page, loaded):
    app = open_page(PAGE, prompt=PROMPT, cut="L0H1 zero")
    model, tokenizer = loaded
    tokens = ids(tokenizer)
    before = model(tokens)[0, -1].softmax(-1)
    edited = model.run_with_hooks(tokens, [("blocks.0.attn.hook_z", zeroing(1))])
    after = edited[0, -1].softmax(-1)
    np.testing.assert_allclose(figure(app, "next token"), after, atol=1e-6)
    top = int(before.argmax())
    assert f"{before[top]:.3f} → {after[top]:.3f}" in said(app)


@pytest.mark.parametrize("part", ["Cut", "Patch", "Cut each in turn"])
def test_every_code_shown_gives_the_numbers_drawn(open_page, part):
    query = {"prompt": PROMPT, "cut": EVERY_KIND, "intervene": part, **PAIR}
    app = open_page(PAGE, **query)
    assert not app.exception
    recipes = app.session_state["_recipes"]
    assert recipes
    for name, recipe in recipes.items():
        names = {}
        exec(recipe.lines, names)
        found = names[recipe.variable]
        found = np.asarray(found.detach() if torch.is_tensor(found) else found)
        np.testing.assert_allclose(found, recipe.drawn, atol=1e-5, err_msg=name)


def test_every_cell_of_the_patch_map_is_a_run_with_that_hook(open_page, loaded):
    app = open_page(PAGE, intervene="Patch", **PAIR)
    model, tokenizer = loaded
    clean, corrupted = (ids(tokenizer, PAIR[key]) for key in ("clean", "corrupted"))
    answer, rival = (
        int(app.selectbox(key=key).value.rpartition("(")[2].rstrip(")"))
        for key in ("answer", "rival")
    )
    _, cache = model.run_with_cache(clean)

    def difference(text, hooks=()):
        logits = model.run_with_hooks(text, hooks)[0, -1]
        return float(logits[answer] - logits[rival])

    start, end = difference(corrupted), difference(clean)
    moved = figure(app, "position map")
    assert moved.shape == (2, clean.shape[1])
    for layer, place in np.ndindex(moved.shape):

        def carry(value, hook, place=place):
            value = value.clone()
            value[:, place] = cache[hook.name][:, place]
            return value

        name = f"blocks.{layer}.hook_resid_pre"
        expected = (difference(corrupted, [(name, carry)]) - start) / (end - start)
        assert moved[layer, place] == pytest.approx(expected, abs=1e-4)


def test_the_reverse_runs_the_clean_prompt(open_page, loaded):
    app = open_page(PAGE, intervene="Patch", reverse="true", **PAIR)
    there = figure(open_page(PAGE, intervene="Patch", **PAIR), "position map")
    back = figure(app, "position map")
    # Before layer 0 only the exchanged letters differ, whichever prompt is run.
    assert np.flatnonzero(np.abs(back[0]) > 1e-4).tolist() == [4, 5, 6]
    assert not np.allclose(there, back, atol=1e-3)


def test_prompts_of_unequal_length_are_shown_in_pieces(open_page):
    app = open_page(PAGE, intervene="Patch", clean="the cat", corrupted="the kite")
    assert any("7 (t|h|e| |c|a|t) and 8 (t|h" in text.value for text in app.text)


def test_two_cuts_are_compared_with_both(open_page):
    app = open_page(PAGE, prompt=PROMPT, cut=["L0H0 zero", "L1H1 zero"])
    assert "**The pair.**" in said(app)
    assert "Interaction" in said(app)


def test_undo_goes_back_to_the_cuts_before(open_page):
    app = open_page(PAGE, prompt=PROMPT, cut="L0H0 zero")
    app.multiselect(key="cut").set_value(["L0H0 zero", "MLP1 mean"]).run()
    assert app.multiselect(key="cut").value == ["L0H0 zero", "MLP1 mean"]
    next(button for button in app.button if button.label == "Undo").click().run()
    assert app.multiselect(key="cut").value == ["L0H0 zero"]


def test_what_a_part_becomes_can_be_changed_after_it_was_cut(open_page):
    app = open_page(PAGE, prompt=PROMPT, cut="L0H0 zero")
    app.button_group(key="becomes").set_value("mean").run()
    assert app.multiselect(key="cut").value == ["L0H0 mean"]
    app.button_group(key="becomes").set_value("scale").run()
    app.slider(key="factor").set_value(1.5).run()
    assert app.multiselect(key="cut").value == ["L0H0 x1.5"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "mlp"}, "no attention heads"),
        ({"model": "mlp", "intervene": "Patch"}, "no attention heads"),
        ({"model": "mlp", "intervene": "Cut each in turn"}, "no attention heads"),
        ({"cut": "L7H0 zero"}, "no layer 7"),
        ({"cut": "<b>*x*</b>"}, "'<b>*x*</b>' names no part"),
        ({"cut": "L0H0[40,3]"}, "no token 40"),
        ({"prompt": "a" * 65}, "65 tokens"),
        ({"intervene": "Patch", "clean": "", "corrupted": "a"}, "is empty"),
        ({"intervene": "Patch", "clean": "the", "corrupted": "the"}, "disagree"),
        ({"intervene": "Patch", "clean": "a" * 65, "corrupted": "b" * 65}, "65 tok"),
    ],
)
def test_what_cannot_be_cut_is_said_in_place(open_page, query, words):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text.value for text in app.text)


@pytest.mark.parametrize("part", ["Cut", "Patch", "Cut each in turn"])
def test_every_part_asks_three_questions_that_the_model_grades(open_page, part):
    app = open_page(PAGE, prompt=PROMPT, intervene=part)
    asked = [radio for radio in app.radio if str(radio.key).startswith("_answer_")]
    assert len(asked) >= 3
    for radio in asked:
        assert len(set(radio.options)) == len(radio.options)


def test_one_token_is_enough(open_page):
    app = open_page(PAGE, prompt="a", cut="L0H0 zero")
    assert not app.exception
    assert "Next token" in said(app)


def challenge(app):
    return next(each.value for each in app.markdown if "Challenge" in each.value)


def test_the_challenge_is_graded_by_the_model(open_page, loaded):
    app = open_page(PAGE, prompt=PROMPT)
    model, tokenizer = loaded
    best = float(model(ids(tokenizer))[0, -1].softmax(-1).max())
    assert f"Its probability is {best:.3f}." in challenge(app)
    whole = [f"attention{layer} zero" for layer in range(2)]
    app = open_page(PAGE, prompt=PROMPT, cut=[*whole, "MLP0 zero", "MLP1 zero"])
    top = int(model(ids(tokenizer))[0, -1].argmax())
    hooks = [
        (f"blocks.{layer}.hook_{part}_out", lambda value, hook: value * 0)
        for layer in range(2)
        for part in ("attn", "mlp")
    ]
    after = model.run_with_hooks(ids(tokenizer), hooks)[0, -1]
    said_lost = "It is lost, but not by heads" in challenge(app)
    assert said_lost == (int(after.argmax()) != top)
    assert f"**{float(after.softmax(-1)[top]):.3f}**" in challenge(app)
