"""The page of the logit lens draws the hooks' own numbers, for models of any shape."""

import json

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.interpret.stream.tuned_lens import TunedLens
from minigpt.model import create_model

PAGE = "pages/logit_lens/logit_lens.py"
PROMPT = "the red kite"
STEP = "models/glass/checkpoints/checkpoint_step_100"
SHAPES = {
    "no_mlp": {"d_ff": 0, "norm": "rmsnorm", "tie_embeddings": False, "bias": False},
    "one_head": {"num_layers": 1, "num_heads": 1, "norm_affine": False},
    "wide": {"num_layers": 12, "num_heads": 6, "d_model": 24},
    "rope": {"positional_encoding": "rope", "num_kv_heads": 1, "activation": "swiglu"},
}


@pytest.fixture(scope="module")
def shapes(models, tmp_path_factory):
    """Return a data directory with one model of each shape."""
    data = tmp_path_factory.mktemp("shapes")
    _, tokenizer, _ = load_checkpoint(models / STEP)
    for name, changes in SHAPES.items():
        torch.manual_seed(1)
        settings = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": 64}
        model = create_model(
            "transformer",
            vocab_size=tokenizer.vocab_size,
            **{**settings, **changes},
        )
        with torch.no_grad():  # biases and scales must matter too
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        save_checkpoint(data / "models" / name, model, tokenizer, step=1)
    return data


def lens_by_hand(path, prompt):
    """Return every point's logits, [point pos vocab], from hooks and modules alone."""
    model, tokenizer, _ = load_checkpoint(path)
    tokens = torch.tensor([tokenizer.encode(prompt)])
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens)
        streams = [cache["resid_pre", 0]]
        for layer in range(model.config.num_layers):
            streams += [cache["resid_mid", layer], cache["resid_post", layer]]
        logits = [model.unembed(model.ln_final(stream))[0] for stream in streams]
    return torch.stack(logits), tokenizer


def grids(app):
    """Return what the lens's grid and the heads' matrix were given to show."""
    nodes = app.get("bidi_component")
    found = [n for n in nodes if n.proto.component_name == "minigpt.value_grid"]
    lens, heads, *_ = (json.loads(node.proto.json) for node in found)
    return lens, heads


def run_recipes(app):
    for name, recipe in app.session_state["_recipes"].items():
        names = {}
        exec(recipe.lines, names)
        found, drawn = names[recipe.variable], recipe.drawn
        if isinstance(drawn, dict):
            assert list(found) == list(drawn), name
            found, drawn = list(found.values()), list(drawn.values())
        np.testing.assert_allclose(
            np.asarray(found, float), np.asarray(drawn, float), atol=1e-5, err_msg=name
        )


def test_every_cell_prints_the_likeliest_token_of_the_stream(open_page, models):
    lens, _ = grids(open_page(PAGE, prompt=PROMPT))
    logits, tokenizer = lens_by_hand(models / STEP, PROMPT)
    best = logits.softmax(-1).max(-1)
    for row, ids, texts in zip(
        range(len(logits)), best.indices.tolist(), lens["texts"], strict=True
    ):
        drawn = [piece.replace(" ", "·") for piece in tokenizer.pieces(ids)]
        assert [text.replace("⏎", "\n") for text in texts] == drawn
        for column, sentence in enumerate(lens["sentences"][row]):
            assert f"probability {best.values[row, column]:.4f}" in sentence
    assert lens["selected"] == [4, len(PROMPT) - 1]


@pytest.mark.parametrize(
    ("metric", "number"),
    [
        ("p of A", lambda logits, a: logits.softmax(-1)[..., a]),
        ("rank of A", lambda logits, a: (logits >= logits[..., a, None]).sum(-1)),
        (
            "KL",
            lambda logits, a: torch.nn.functional.kl_div(
                logits.log_softmax(-1),
                logits[-1:].log_softmax(-1).expand_as(logits),
                reduction="none",
                log_target=True,
            ).sum(-1),
        ),
    ],
)
def test_the_grid_shows_what_is_asked_for(open_page, models, metric, number):
    app = open_page(PAGE, prompt=PROMPT)
    app.button_group(key="lens_metric").set_value(metric).run()
    logits, _ = lens_by_hand(models / STEP, PROMPT)
    a = int(logits[-1, -1].argmax())
    expected = number(logits, a)
    digits = {"p of A": 6, "rank of A": 0, "KL": 4}[metric]
    lens, _ = grids(app)
    for row, sentences in zip(expected.tolist(), lens["sentences"], strict=True):
        for value, sentence in zip(row, sentences, strict=True):
            assert f"{abs(value):.{digits}f}" in sentence
    run_recipes(app)


def test_the_matrix_holds_each_heads_share_of_a_minus_b(open_page, models):
    _, heads = grids(open_page(PAGE, prompt=PROMPT, token="5"))
    model, tokenizer, _ = load_checkpoint(models / STEP)
    tokens = torch.tensor([tokenizer.encode(PROMPT)])
    with torch.inference_mode():
        logits, cache = model.run_with_cache(tokens, ["*hook_result", "*hook_scale"])
        a, b = logits[0, 5].topk(2).indices.tolist()
        scale = cache["ln_final.hook_scale"][0, 5]
        for layer in range(2):
            for head in range(2):
                part = cache["result", layer][0, 5, head]
                said = model.ln_final.weight * (part - part.mean()) / scale
                said = said @ model.token_embedding.weight.T
                printed = float(heads["numbers"][layer][head])
                assert printed == pytest.approx(float(said[a] - said[b]), abs=6e-5)


def test_the_sum_line_says_the_models_own_difference(open_page, models):
    app = open_page(PAGE, prompt=PROMPT)
    logits, _ = lens_by_hand(models / STEP, PROMPT)
    top = logits[-1, -1].topk(2).values
    line = next(m.value for m in app.markdown if "shares add up to" in m.value)
    assert line.count(f"{float(top[0] - top[1]):.3f}") == 2
    app.button_group(key="lens_split").set_value("A alone").run()
    line = next(m.value for m in app.markdown if "shares add up to" in m.value)
    assert line.count(f"{float(top[0]):.3f}") == 2
    run_recipes(app)


@pytest.mark.parametrize("shape", SHAPES)
def test_models_of_any_shape_are_shown_and_their_code_runs(open_page, shapes, shape):
    app = open_page(PAGE, data=shapes, model=shape, prompt=PROMPT)
    assert not app.exception
    assert not [text.value for text in app.text if "⚠" in text.value]
    assert len(app.session_state["_recipes"]) >= 5
    run_recipes(app)
    app = open_page(PAGE, data=shapes, model=shape, prompt="a")
    assert not [text.value for text in app.text if "⚠" in text.value]
    run_recipes(app)


def test_an_mlp_is_opened_down_to_its_neurons(open_page):
    app = open_page(PAGE, prompt=PROMPT, layer="1", head="0")
    app.session_state["_lens_part"] = ("L1 MLP", (1, 0))
    app.run()
    assert any("L1 MLP adds" in m.value for m in app.markdown)
    assert "Neurons" in app.session_state["_recipes"]
    run_recipes(app)


def test_what_is_chosen_is_in_the_address(open_page):
    chosen = {"point": "2", "lens_metric": "KL", "lens_split": "A alone"}
    app = open_page(PAGE, prompt=PROMPT, **chosen)
    lens, _ = grids(app)
    assert lens["selected"] == [2, len(PROMPT) - 1]
    assert lens["unit"] == "nats to the model's output (KL)"
    rival = next(box for box in app.selectbox if box.label == "Rival B")
    rival.set_value(rival.options[3]).run()
    again = open_page(PAGE, prompt=PROMPT, **chosen, lens_b=rival.options[3])
    assert (
        next(b for b in again.selectbox if b.label == "Rival B").value
        == (rival.options[3])
    )


def test_another_token_has_candidates_of_its_own(open_page):
    app = open_page(PAGE, prompt=PROMPT, token="5")
    rival = next(box for box in app.selectbox if box.label == "Rival B")
    rival.set_value(rival.options[3]).run()
    app.number_input(key="token").set_value(7).run()
    rival = next(box for box in app.selectbox if box.label == "Rival B")
    assert rival.value == rival.options[0]


def test_another_rival_has_another_race(open_page):
    app = open_page(PAGE, prompt=PROMPT)
    rival = next(box for box in app.selectbox if box.label == "Rival B")
    rival.set_value(rival.options[3]).run()
    piece = rival.options[3].split()[0]
    race = next(m.value for m in app.markdown if m.value.startswith("A, “"))
    assert piece in race.replace("\\", "")
    run_recipes(app)


def test_answers_are_the_models_own(open_page, models):
    app = open_page(PAGE, prompt=PROMPT)
    logits, _ = lens_by_hand(models / STEP, PROMPT)
    tops = logits[:, -1].argmax(-1)
    settled = max(i + 1 for i in range(-1, 4) if i < 0 or tops[i] != tops[-1])
    guess = app.radio[0]
    stretch = [0, 1, 1, 2, 2][settled]  # embedding, L0, L1
    assert list(guess.options) == ["embedding", "L0", "L1"]
    guess.set_value(guess.options[stretch]).run()
    assert any("✓ Right" in m.value for m in app.markdown)
    assert len(app.radio) >= 4


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "mlp"}, "no attention heads"),
        ({"layer": "9"}, "There is no layer '9' here."),
    ],
)
def test_what_cannot_be_shown_is_said_in_place(open_page, query, words):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text.value for text in app.text)


def test_markup_in_a_prompt_stays_text(open_page):
    app = open_page(PAGE, prompt="the **cat** $x$ <b>")
    assert not app.exception
    assert not [text.value for text in app.text if "broke" in text.value]


def test_the_words_are_few(open_page):
    app = open_page(PAGE, prompt=PROMPT)
    told = (markdown.value for markdown in app.markdown)
    words = next(each for each in told if "Each row is a later point" in each)
    assert len(words.split()) <= 120


def test_what_a_part_writes_adds_up_and_a_click_chooses_it(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, layer="1", head="0")
    logits, _ = lens_by_hand(models / STEP, PROMPT)
    line = next(m.value for m in app.markdown if "adds most to" in m.value)
    assert line.startswith("**L1H0** adds most to")
    assert f"give {float(logits[-1, -1].max()):.3f}" in line
    app.session_state["_lens_part"] = ("L1 MLP", (1, 0))
    app.run()
    line = next(m.value for m in app.markdown if "adds most to" in m.value)
    assert line.startswith("**L1 MLP** adds most to")


def test_a_tuned_lens_is_trained_kept_and_shown_with_its_code(
    open_page, models, tmp_path, monkeypatch
):
    from pages.logit_lens import numbers

    monkeypatch.setattr(
        numbers, "TunedLens", lambda model, windows: TunedLens(model, windows, 6)
    )
    model, tokenizer, _ = load_checkpoint(models / STEP)
    told = {"data": {"source": "tales"}}
    save_checkpoint(tmp_path / "models/told", model, tokenizer, provenance=told)
    asked = {"data": tmp_path, "model": "told"}
    app = open_page(PAGE, **asked, prompt=PROMPT)
    assert "Tuned lens" not in app.session_state["_recipes"]
    app.button(key="tune_lens").click().run()
    assert not app.exception
    assert any("the tuned lens is" in m.value for m in app.markdown)
    assert not [b for b in app.button if b.key == "tune_lens"]
    run_recipes(app)
    again = open_page(PAGE, **asked, prompt="a cat")
    assert "Tuned lens" in again.session_state["_recipes"]


def test_a_tuned_lens_is_covered_by_a_prediction_of_its_own(
    open_page, models, tmp_path, monkeypatch
):
    from pages.logit_lens import numbers

    monkeypatch.setattr(
        numbers, "TunedLens", lambda model, windows: TunedLens(model, windows, 60)
    )
    model, tokenizer, _ = load_checkpoint(models / STEP)
    with torch.no_grad():
        model.token_embedding.weight *= 20  # it says something: both lenses differ
    told = {"data": {"source": "tales"}}
    save_checkpoint(tmp_path / "models/told", model, tokenizer, provenance=told)
    monkeypatch.setenv("MINIGPT_COVER", "on")
    app = open_page(PAGE, data=tmp_path, model="told", prompt=PROMPT)
    app.button(key="_just_show_me").click().run()
    app.button(key="tune_lens").click().run()
    assert not app.exception
    assert "Tuned lens" not in app.session_state["_recipes"]
    (radio,) = (each for each in app.radio if "tuned_nearer" in (each.key or ""))
    radio.set_value(0).run()
    assert not app.exception
    assert "Tuned lens" in app.session_state["_recipes"]


def test_without_a_text_of_its_own_a_model_has_no_tuned_lens(open_page, shapes):
    app = open_page(PAGE, data=shapes, model="rope", prompt=PROMPT)
    assert any("names no text" in each.value for each in app.caption)
    assert not [b for b in app.button if b.key == "tune_lens"]
