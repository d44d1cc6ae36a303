import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.model import MLPLM


def texts(app):
    return [text.value for text in app.text]


def test_home_shows_the_models_own_probabilities(open_page, view, models):
    app = open_page(prompt="Once upon")
    shown = view(app, "next_tokens")["candidates"]
    path = models / "models/glass/checkpoints/checkpoint_step_100"
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        logits = model(torch.tensor([tokenizer.encode("Once upon")]))
    probabilities = logits[0, -1].softmax(-1)
    for candidate in shown:
        expected = float(probabilities[candidate["token"]])
        assert candidate["probability"] == pytest.approx(expected, abs=1e-6)
    assert shown[0]["probability"] == pytest.approx(float(probabilities.max()))
    assert np.all(np.diff([each["probability"] for each in shown]) <= 0)


def test_a_model_without_attention_answers_at_home_too(open_page, view, models):
    app = open_page(model="mlp", prompt="the cat")
    assert isinstance(load_checkpoint(models / "models/mlp").model, MLPLM)
    assert len(view(app, "next_tokens")["candidates"]) > 1


def test_what_the_tokenizer_never_saw_is_said_in_place(open_page):
    app = open_page(prompt="the 狐 cat")
    assert any("狐" in text for text in texts(app))


def test_markup_in_a_prompt_stays_text(open_page):
    evil = "![x](http://evil.example/x.png) $a$ *b*"
    app = open_page(prompt=evil)
    assert not any("evil" in markdown.value for markdown in app.markdown)
    assert not any("evil" in caption.value for caption in app.caption)


def test_an_unknown_model_in_the_url_is_said_and_another_is_used(open_page, view):
    app = open_page(model="glas")
    problem = next(text for text in texts(app) if "glas" in text)
    assert "no model 'glas'" in problem
    assert "'glass'" in problem
    assert view(app, "next_tokens")["candidates"]


def test_an_empty_data_directory_says_what_to_do(tmp_path, open_page):
    app = open_page(data=tmp_path)
    assert any("Train one on the Training page" in text for text in texts(app))
