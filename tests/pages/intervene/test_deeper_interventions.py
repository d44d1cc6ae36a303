"""Steering, paths and neurons on the Intervene page: what a reader does there."""

import numpy as np
import pytest
import torch

PAGE = "pages/intervene/intervene.py"
PROMPT = "the red kite"
PAIR = {"clean": "the red kite was", "corrupted": "the tan kite was"}
STEER = {"intervene": "Steer", "prompt": PROMPT}
NEURONS = {"intervene": "Neurons", "prompt": PROMPT}
PATHS = {"intervene": "Paths", **PAIR}


def run_codes(app) -> set[str]:
    """Run every Code of the page, compare with what was drawn, and return the names."""
    assert not app.exception
    recipes = app.session_state["_recipes"]
    for name, recipe in recipes.items():
        names = {}
        exec(recipe.lines, names)
        found = names[recipe.variable]
        found = np.asarray(found.detach() if torch.is_tensor(found) else found)
        np.testing.assert_allclose(found, recipe.drawn, atol=1e-4, err_msg=name)
    return set(recipes)


def said(app) -> str:
    return " ".join(part.value for part in (*app.markdown, *app.text, *app.caption))


def test_a_text_is_steered_and_not_steered_with_one_seed(open_page):
    app = open_page(PAGE, **STEER, toward="red red", away="tan cat", strength="1.5")
    assert run_codes(app) == {"steered"}
    texts = [text.value for text in app.text if text.value.startswith("…")]
    assert len(texts) == 2
    assert "then they part" in said(app)
    app.slider(key="strength").set_value(0.0).run()
    same, other = (text.value for text in app.text if text.value.startswith("…"))
    assert same == other == texts[0]
    assert "they are the same for all" in said(app)


def test_texts_of_another_model_go_and_the_readers_own_stay(open_page):
    app = open_page(PAGE, **STEER)
    app.session_state["_ready_texts"] = {"toward": "the sun", "away": "the fog"}
    app.text_input(key="toward").set_value("the sun")
    app.text_input(key="away").set_value("my own").run()
    assert app.text_input(key="away").value == "my own"
    assert app.text_input(key="toward").value not in ("the sun", "")


def test_a_tokens_embedding_steers_too(open_page):
    app = open_page(PAGE, **STEER, steer_by="A token", steer_token="k")
    assert run_codes(app) == {"steered"}


def test_paths_are_added_and_patched_together(open_page):
    app = open_page(PAGE, **PATHS)
    assert run_codes(app) == {"paths", "some paths"}
    listed = ["L0H1>L1H0.k", "L1H1>logits"]
    app.multiselect(key="paths").set_value(listed).run()
    run_codes(app)
    assert "The 2 paths move the answer" in said(app)


def test_a_neuron_is_chosen_and_switched_off(open_page):
    app = open_page(PAGE, **NEURONS, neuron="9999")  # there is none: as it begins
    assert run_codes(app) == {"promoted", "without the neuron", "neuron examples"}
    app.number_input(key="neuron").set_value(3).run()
    app.button_group(key="neuron_off").set_value("its mean").run()
    run_codes(app)
    layer = app.number_input(key="neuron_layer").value
    assert f"Where L{layer}N3 fires" in [each.value for each in app.subheader]
    assert f"without L{layer}N3" in app.metric[0].delta


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (STEER | {"toward": "same", "away": "same"}, "no direction between them"),
        (STEER | {"toward": "", "away": "a"}, "A prompt is empty"),
        (STEER | {"steer_by": "A token", "steer_token": "kite"}, "not one token"),
        (PATHS | {"paths": "L0H0>L1H9.k"}, "no head 9"),
        (PATHS | {"paths": "<b>*"}, "names no path"),
        (PATHS | {"corrupted": PAIR["clean"]}, "disagree"),
    ],
)
def test_what_cannot_be_done_is_said_in_place(open_page, query, words):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text.value for text in app.text)
