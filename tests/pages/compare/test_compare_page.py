import json
import shutil

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.datasets.tales.story import generate_tales
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.differences.pattern_change import row_divergence
from minigpt.interpret.weights.rounding_cost import matrix_names
from minigpt.model import create_model
from minigpt.tokenizers import WordTokenizer

PAGE = "pages/compare/compare.py"
PROMPT = "the red kite"
GROUPS = "int4 in groups of 64"


def checkpoint(models, step):
    return load_checkpoint(models / f"models/glass/checkpoints/checkpoint_step_{step}")


def losses(loaded, text):
    tokens = torch.tensor([loaded.tokenizer.encode(text)])
    with torch.inference_mode():
        logits = loaded.model(tokens)[0, :-1]
    return F.cross_entropy(logits, tokens[0, 1:], reduction="none").numpy()


def views(app, name):
    return [
        json.loads(node.proto.json)
        for node in app.get("bidi_component")
        if node.proto.component_name == f"minigpt.{name}"
    ]


def shown_change(view):
    numbers = [number and number.replace("−", "-") for number in view["numbers"]]
    return [None if number is None else float(number) for number in numbers]


def test_pieces_are_tinted_by_the_change_of_their_loss(open_page, view, models):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", against_step="0")
    expected = losses(checkpoint(models, 100), PROMPT)
    expected -= losses(checkpoint(models, 0), PROMPT)
    shown = view(app, "tinted_text")
    assert shown_change(shown)[0] is None
    np.testing.assert_allclose(shown_change(shown)[1:], expected, atol=6e-4)
    # Level 127 is no tint; below it vermillion, for a loss that rose.
    levels = np.array(shown["levels"][1:])
    assert ((levels < 127) == (expected > 0)).all()


def test_the_mean_and_the_losers_are_counted_in_words(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", against_step="0")
    change = losses(checkpoint(models, 100), PROMPT)
    change = change - losses(checkpoint(models, 0), PROMPT)
    sentence = next(each.value for each in app.markdown if "got worse" in each.value)
    assert f"**{abs(change.mean()):.3f} nats** per token" in sentence
    assert ("improves" if change.mean() <= 0 else "gets worse") in sentence
    assert f"**{(change > 0).sum()} of {len(change)}** tokens" in sentence


def test_by_default_a_model_meets_itself_half_way_on_text_it_has_not_seen(
    open_page, view
):
    app = open_page(PAGE)
    assert app.selectbox(key="against").value == "glass"
    assert app.selectbox(key="against_step").value == 10
    assert 60 <= len(view(app, "tinted_text")["pieces"]) <= 64


def test_a_model_with_one_moment_meets_another_model(open_page, view):
    app = open_page(PAGE, model="mlp")
    assert app.selectbox(key="against").value == "glass"
    assert any("has no heads" in text.value for text in app.text)
    assert view(app, "tinted_text")["pieces"]


def test_swapping_turns_every_sign(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", against_step="0")
    there = shown_change(view(app, "tinted_text"))
    app.button(key="swap").click().run()
    back = shown_change(view(app, "tinted_text"))
    assert app.session_state["step"] == 0
    assert app.selectbox(key="against_step").value == 100
    np.testing.assert_allclose(np.add(there[1:], back[1:]), 0, atol=1e-9)


def test_heads_are_compared_by_the_divergence_of_their_rows(open_page, view, models):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", against_step="0")
    patterns = []
    for step in (0, 100):
        model, tokenizer, _ = checkpoint(models, step)
        with torch.inference_mode():
            _, cache = model.run_with_cache(torch.tensor([tokenizer.encode(PROMPT)]))
        patterns.append(torch.cat([cache["pattern", 0], cache["pattern", 1]]).numpy())
    expected = row_divergence(*patterns)[:, :, 1:].mean(-1)
    shown = np.array(view(app, "value_grid")["numbers"], dtype=float)
    np.testing.assert_allclose(shown, expected, atol=6e-5)


@pytest.mark.parametrize(
    ("part", "figures"),
    [
        ("Heads", {"losses", "heads"}),
        ("Weights", {"losses", "weights"}),
        ("Samples", {"losses", "samples"}),
        ("What one training batch would change", {"losses", "batch"}),
        ("Saliency", {"losses", "saliency"}),
        ("Rounding", {"losses", "grid"}),
    ],
)
@pytest.mark.parametrize("read", ["Prompt", "Held-out text"])
def test_the_code_of_every_part_rebuilds_its_numbers(open_page, part, figures, read):
    app = open_page(PAGE, prompt=PROMPT, part=part, read=read)
    assert not app.exception
    recipes = app.session_state["_recipes"]
    assert set(recipes) == figures
    for recipe in recipes.values():
        names = {}
        exec(recipe.lines, names)
        made = names[recipe.variable]
        if isinstance(made, dict):
            assert made == pytest.approx(recipe.drawn, abs=1e-5)
            continue
        made = made.detach().numpy() if isinstance(made, torch.Tensor) else made
        np.testing.assert_allclose(made, recipe.drawn, rtol=1e-4, atol=1e-5)


def test_rounding_is_measured_for_the_whole_and_for_each_matrix(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", part="Rounding", grid="int8")
    known = {column for each in app.dataframe for column in each.value}
    assert "integer q" in known
    assert "weights as" not in known  # nothing is measured before it is asked for
    app.button(key="measure_rounding").click().run()
    assert not app.exception
    whole = next(e.value for e in app.dataframe if "weights as" in e.value)
    assert list(whole["weights as"]) == ["float32", "int8", "int4", GROUPS]
    sizes = whole["MB"].astype(float)
    assert (sizes[1:] < sizes[0]).all()
    loaded = checkpoint(models, 100)
    windows = held_out_windows(loaded.metadata, loaded.tokenizer, 64, 64)
    before = np.mean([F.cross_entropy(*each).item() for each in read(loaded, windows)])
    assert float(whole["loss"][0]) == pytest.approx(before, abs=1e-4)
    recipe = app.session_state["_recipes"]["rounding"]
    assert list(recipe.drawn) == matrix_names(loaded.model)
    names = {}
    exec(recipe.lines, names)
    assert names[recipe.variable] == pytest.approx(recipe.drawn, abs=1e-5)


def read(loaded, windows):
    for row in torch.as_tensor(windows):
        with torch.inference_mode():
            yield loaded.model(row[None])[0, :-1], row[1:]


def test_saliency_can_be_asked_against_a_rival(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", part="Saliency", piece="5")
    alone = [data["numbers"] for data in views(app, "tinted_text")]
    app.toggle(key="saliency_rival").set_value(True).run()
    against = [data["numbers"] for data in views(app, "tinted_text")]
    assert alone[0] == against[0]
    assert len(alone[1]) == 5
    assert alone[1] != against[1]


def test_the_piece_in_the_url_is_open(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", piece="5")
    assert view(app, "tinted_text")["selected"] == 5
    assert any("loss[5] = " in block.value for block in app.code)


def test_the_loss_of_the_open_piece_is_the_models(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", piece="5")
    block = next(each.value for each in app.code if "loss[5]" in each.value)
    shown = float(block.removeprefix("loss[5] = ").split(" nats")[0])
    expected = losses(checkpoint(models, 100), PROMPT)[4]
    assert shown == pytest.approx(expected, abs=6e-5)


def test_predict_and_check_are_answered_by_these_models(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, read="Prompt", against_step="0")
    change = losses(checkpoint(models, 100), PROMPT)
    change = change - losses(checkpoint(models, 0), PROMPT)
    radio = next(each for each in app.radio if "does the loss rise" in each.label)
    app = radio.set_value(radio.options.index(str((change > 0).sum()))).run()
    assert any("✓ Right" in each.value for each in app.markdown)


def test_other_tokens_meet_piece_by_piece(open_page, view, models, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(models / "models", data / "models")
    tokenizer = WordTokenizer()
    tokenizer.build_vocab(generate_tales(20_000))
    torch.manual_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "d_model": 16, "num_layers": 1}
    model = create_model("transformer", **sizes, num_heads=1, max_seq_len=16)
    save_checkpoint(data / "models" / "words", model, tokenizer, step=1)
    app = open_page(PAGE, data=data, against="words", stretch="3")
    assert not app.exception
    assert any("per character" in each.value for each in app.markdown)
    assert len(view(app, "tinted_text")["pieces"]) <= 16
    names = {}
    recipe = app.session_state["_recipes"]["losses"]
    exec(recipe.lines, names)
    np.testing.assert_allclose(names[recipe.variable], recipe.drawn, atol=1e-5)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a", "too short"),
        ("a" * 65, "shorten it by 1"),
        ("![x](http://evil.example)", ""),
    ],
)
def test_what_cannot_be_compared_is_said_in_place(open_page, prompt, words):
    app = open_page(PAGE, prompt=prompt, read="Prompt")
    assert not app.exception
    assert not any("evil" in markdown.value for markdown in app.markdown)
    if words:
        assert any(words in text.value for text in app.text)


def test_comparing_a_model_with_itself_is_said(open_page):
    app = open_page(PAGE, against_step="100")
    assert any("with itself" in text.value for text in app.text)


def test_a_link_to_nothing_is_said_and_the_default_is_shown(open_page, view):
    app = open_page(PAGE, against="glas", against_step="11")
    said = [text.value for text in app.text]
    assert any("no model 'glas'" in text for text in said)
    assert any("no training step '11'" in text for text in said)
    assert view(app, "tinted_text")["pieces"]
