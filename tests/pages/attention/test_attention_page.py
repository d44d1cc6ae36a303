"""What the attention page draws is the hooks', and every edit is made in the model."""

import base64
from pathlib import Path

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.interpret.heads.row_challenge import row_challenge
from minigpt.library.catalogue import find_model
from minigpt.model import create_model

PAGE = "pages/attention/attention.py"
PROMPT = "the red kite"


def floats(packed):
    return np.frombuffer(base64.b64decode(packed), dtype="<f4")


def hooks_of(models, prompt=PROMPT):
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        logits, cache = model.run_with_cache(torch.tensor([tokenizer.encode(prompt)]))
    return logits[0], cache


def said(app):
    return [text.value for text in app.text]


def test_the_sheet_holds_the_hooks_of_the_chosen_row(open_page, view, models):
    app = open_page(PAGE, prompt=PROMPT, layer="1", head="1", token="5")
    assert not app.exception
    sheet, (_, cache) = view(app, "attention_steps"), hooks_of(models)
    q, k = cache["q", 1][0, 5, 1], cache["k", 1][0, :, 1]
    expected = {
        "q": q,
        "k": k.flatten(),
        "raw": k @ q,
        "scaled": k @ q / 8**0.5,
        "scores": cache["attn_scores", 1][0, 1, 5],
        "pattern": cache["pattern", 1][0, 1, 5],
        "z": cache["z", 1][0, 5, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(
            floats(sheet[name]), values.numpy(), atol=1e-5, err_msg=name
        )
    assert sheet["weighed"] is sheet["divisor"] is None
    assert sheet["leftOut"] == []
    assert (sheet["query"], sheet["width"]) == (5, 8)


def test_leaving_out_the_root_changes_every_row_below_in_the_model(
    open_page, view, models
):
    app = open_page(PAGE, prompt=PROMPT, layer="1", head="1", token="5")
    app.button_group(key="left_out").set_value(["÷ √d"]).run()
    sheet, (_, cache) = view(app, "attention_steps"), hooks_of(models)
    assert sheet["divisor"] == 1
    raw = (cache["k", 1][0, :6, 1] @ cache["q", 1][0, 5, 1]).numpy()
    weights = torch.tensor(raw).softmax(-1).numpy()
    for name, expected in {
        "raw": raw,
        "scaled": raw,
        "scores": raw,
        "pattern": weights,
        "before": cache["pattern", 1][0, 1, 5, :6].numpy(),
    }.items():
        np.testing.assert_allclose(floats(sheet[name])[:6], expected, atol=1e-5)
    z = weights @ cache["v", 1][0, :6, 1].numpy()
    np.testing.assert_allclose(floats(sheet["z"]), z, atol=1e-5)
    captions = [caption.value for caption in app.caption]
    assert any(
        caption.startswith("The prediction changes by KL ") for caption in captions
    )


def test_leaving_out_the_mask_shows_the_future(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, layer="0", head="0", token="3")
    app.button_group(key="left_out").set_value(["mask"]).run()
    sheet = view(app, "attention_steps")
    assert sheet["leftOut"] == ["scores"]
    assert np.isfinite(floats(sheet["scores"])).all()
    assert floats(sheet["before"])[4:].sum() == 0
    assert floats(sheet["pattern"])[4:].sum() > 0.01


def test_undo_takes_every_edit_back(open_page, view):
    app = open_page(PAGE, prompt=PROMPT, divisor="1.5", weight="2:0.75")
    app.button_group(key="left_out").set_value(["÷ √d", "mask"]).run()
    sheet = view(app, "attention_steps")
    assert (sheet["divisor"], sheet["leftOut"]) == (1, ["scores"])
    assert sheet["weighed"]["weight"] == 0.75
    next(button for button in app.button if button.label == "Undo").click().run()
    sheet = view(app, "attention_steps")
    assert (sheet["divisor"], sheet["leftOut"], sheet["weighed"]) == (None, [], None)
    assert not {"left_out", "divisor", "weight"} & set(app.query_params)
    assert not app.exception


def test_a_link_restores_what_was_left_out_the_divisor_and_the_weight(
    open_page, view, models
):
    place = {"prompt": PROMPT, "layer": "1", "head": "1", "token": "5"}
    app = open_page(PAGE, **place, left_out="mask", divisor="1.5", weight="2:0.75")
    assert not app.exception
    sheet, (_, cache) = view(app, "attention_steps"), hooks_of(models)
    assert (sheet["divisor"], sheet["leftOut"]) == (1.5, ["scores"])
    assert (sheet["weighed"]["key"], sheet["weighed"]["weight"]) == (2, 0.75)
    scores = (cache["k", 1][0, :, 1] @ cache["q", 1][0, 5, 1]).numpy() / 1.5
    np.testing.assert_allclose(floats(sheet["scores"]), scores, atol=1e-5)
    assert app.query_params["divisor"] == "1.5"
    assert app.query_params["weight"] == "2:0.75"


@pytest.mark.parametrize(
    "query",
    [
        {"divisor": "many"},
        {"divisor": "-2"},
        {"divisor": "1e99"},
        {"weight": "2"},
        {"weight": "99:0.5"},
        {"weight": "1:2"},
        {"weight": "x:0.5"},
        {"left_out": "everything"},
    ],
)
def test_a_link_that_asks_for_what_cannot_be_changes_nothing(open_page, view, query):
    app = open_page(PAGE, prompt=PROMPT, token="5", **query)
    assert not app.exception
    sheet = view(app, "attention_steps")
    assert (sheet["divisor"], sheet["leftOut"], sheet["weighed"]) == (None, [], None)


def test_a_hint_leads_to_a_head_and_once_there_it_says_so(open_page):
    app = open_page(PAGE, prompt=PROMPT)
    app.button(key="_challenge_hint").click().run()
    place = [app.session_state[name] for name in ("layer", "head", "token")]
    app.button(key="_challenge_hint").click().run()
    assert [each.value for each in app.toast] == ["You are there: this head can."]
    assert place == [app.session_state[name] for name in ("layer", "head", "token")]


def test_the_challenge_is_met_by_the_weight_that_the_model_obeys(
    open_page, monkeypatch
):
    data = str(Path(__file__).parents[3] / "data")
    app = open_page(PAGE, data=data, model="tales")
    said = lambda: " ".join(text.value for text in app.markdown)  # noqa: E731
    assert "**Challenge.**" in said()
    next(b for b in app.button if b.label == "Show me a head that can").click().run()
    checkpoint = load_checkpoint(find_model(Path(data), "tales").path)
    tokens = checkpoint.tokenizer.encode(app.session_state["prompt"])
    found = row_challenge(checkpoint, tokens, app.session_state["token"])
    layer, head, key = found.solutions[0]
    assert (app.session_state["layer"], app.session_state["head"]) == (layer, head)
    link = {"prompt": app.session_state["prompt"], "token": str(found.query)}
    link |= {"layer": str(layer), "head": str(head)}
    for weight, is_met in (("1", True), ("0", False)):
        app = open_page(
            PAGE, data=data, model="tales", **link, weight=f"{key}:{weight}"
        )
        assert ("Challenge met" in said()) == is_met


def test_a_step_that_another_model_lacks_is_not_left_out_there(
    open_page, view, models, tmp_path
):
    glass = models / "models/glass/checkpoints/checkpoint_step_100"
    _, tokenizer, _ = load_checkpoint(glass)
    for scheme in ("relative", "learned"):
        model = create_model(
            "transformer",
            vocab_size=tokenizer.vocab_size,
            d_model=16,
            num_layers=1,
            num_heads=1,
            max_seq_len=64,
            positional_encoding=scheme,
        )
        save_checkpoint(tmp_path / "models" / scheme, model, tokenizer, step=1)
    app = open_page(PAGE, data=tmp_path, model="relative", prompt=PROMPT)
    app.button_group(key="left_out").set_value(["positions"]).run()
    assert view(app, "attention_steps")["leftOut"] == ["bias"]
    app.selectbox(key="model").set_value("learned").run()
    assert not app.exception
    assert view(app, "attention_steps")["leftOut"] == []


@pytest.mark.parametrize("prompt", ["a", "<b>*bold*</b> $x$ [l](http://x)"])
def test_prompts_of_one_token_and_of_markup_are_read(open_page, view, prompt):
    app = open_page(PAGE, prompt=prompt)
    assert not app.exception
    assert not any("broke" in text for text in said(app))
    assert view(app, "attention_steps")["pieces"][0] in (prompt[0], "<unk>")


@pytest.mark.parametrize(
    ("query", "words"),
    [({"model": "mlp"}, "no attention heads"), ({"prompt": "a" * 65}, "65 tokens")],
)
def test_what_cannot_be_shown_is_said_in_place(open_page, query, words):
    app = open_page(PAGE, **query)
    assert not app.exception
    assert any(words in text for text in said(app))


def test_the_prediction_is_asked_about_the_row_and_graded_by_it(open_page, models):
    app = open_page(PAGE, prompt=PROMPT, layer="0", head="1", token="4")
    radios = list(app.radio)
    assert len(radios) == 4  # one to predict, three to check
    _, cache = hooks_of(models)
    row = cache["pattern", 0][0, 1, 4]
    strongest = int(row.argmax())
    top = row.topk(2).values
    assert top[0] - top[1] > 0.02, "the fixture's row is a tie: choose another"
    right = next(o for o in radios[0].options if o.startswith(f"{strongest} "))
    radios[0].set_value(radios[0].options.index(right)).run()
    assert any("Right" in text.value for text in app.markdown)


def test_the_time_machine_moves_the_step_and_not_the_place(open_page):
    app = open_page(PAGE)
    place = [app.session_state[key] for key in ("prompt", "layer", "head", "token")]
    for step in (0, 10):
        app.select_slider(key="step").set_value(step).run()
        assert not app.exception
        now = [app.session_state[key] for key in ("prompt", "layer", "head", "token")]
        assert now == place
